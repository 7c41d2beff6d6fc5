"""The facts of the browsers and table codes of a store (lane 1): who may be a terminal, which code of a table holds.

What a terminal shows is in no fact, not even as a hash: a node that was replaced has new keys, and pairs its terminals anew.
"""

import msgspec

TERMINAL_PAIRED = "terminal.paired"
TERMINAL_REVOKED = "terminal.revoked"
TABLE_CODE_RENEWED = "table.code_renewed"


class TerminalPaired(msgspec.Struct, frozen=True, kw_only=True):
    """A browser of the house became a terminal: what people call it, and the till that it sells at."""

    terminal_id: str
    name: str
    till: str


class TerminalRevoked(msgspec.Struct, frozen=True, kw_only=True):
    """A terminal is none any more."""

    terminal_id: str


class TableCodeRenewed(msgspec.Struct, frozen=True, kw_only=True):
    """The code of a table holds from this version on; those printed before say nothing any more."""

    table_id: str
    version: int


KINDS: dict[str, type[msgspec.Struct]] = {
    TERMINAL_PAIRED: TerminalPaired,
    TERMINAL_REVOKED: TerminalRevoked,
    TABLE_CODE_RENEWED: TableCodeRenewed,
}
