"""The codes on the tables: signed here, printed from the plan, read again from a guest's phone; renewed when one got about.

A code holds as long as its number is the table's. It was signed by this node or by one that was this store's node before: the codes
on the tables outlive a computer. That the old key was revoked does not matter here: what a code opens is a basket that a waiter
looks at.
"""

from typing import Annotated

import msgspec

from edge.db import floor as floor_rows
from edge.db import streams
from edge.db import terminals as kept
from edge.db.staff import Session
from edge.domain import table_code
from edge.domain.refusal import Refused
from edge.domain.roles import Action
from edge.domain.table_code import NUMBER_MAX, TableClaims
from edge.services import deeds
from edge.services.deeds import Deed, Done
from edge.services.house.lan import Lan
from edge.services.node import Node
from edge.services.ordering import floor as floors
from edge.services.people import permit
from sync.contract.orders import Table
from sync.contract.terminals import TABLE_CODE_RENEWED, TableCodeRenewed
from sync.contract.words import Name
from sync.node import keys
from sync.node.database import Reader

FIRST = 1


class RenewCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The code of a table is to hold no more; `over` is the number of the one that was seen."""

    request_id: Annotated[str, msgspec.Meta(min_length=32, max_length=32)]
    over: Annotated[int, msgspec.Meta(ge=FIRST, le=NUMBER_MAX)]


class CodeAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The number of the code of a table that holds now."""

    table_id: str
    number: int


class TableCode(msgspec.Struct, frozen=True, kw_only=True):
    """The code of a table; `url` is empty while guests are not served."""

    table_id: str
    name: str
    area: Name
    number: int
    url: str


class TableCodes(msgspec.Struct, frozen=True, kw_only=True):
    """The codes of all tables on the plan, in its order."""

    codes: tuple[TableCode, ...]


class _Named(msgspec.Struct, frozen=True):
    table_id: str
    asked: RenewCommand


def listed(node: Node, lan: Lan, table_id: str = "") -> TableCodes:
    """Give the codes of all tables, or of one."""
    base = lan.guest_base()
    with node.db.read() as reader:
        plan, numbers = floors.plan(reader), kept.code_versions(reader)
    codes = tuple(
        TableCode(
            table_id=table.id,
            name=table.name,
            area=area.name,
            number=numbers.get(table.id, FIRST),
            url=table_code.url(base, code_of(node, table.id, numbers.get(table.id, FIRST))) if base else "",
        )
        for area in plan.areas
        for table in area.tables
        if table_id in ("", table.id)
    )
    return TableCodes(codes=codes)


def code_of(node: Node, table_id: str, number: int) -> str:
    """Sign the code of a table."""
    claims = TableClaims(node.identity.public.key_id, number, table_id)
    return table_code.assemble(claims, node.identity.sign(table_code.to_sign(claims)))


def code_now(node: Node, table_id: str) -> str:
    """Sign the code of a table under the number that holds now."""
    with node.db.read() as reader:
        number = kept.code_version(reader, table_id)
    return code_of(node, table_id, number)


def renew(node: Node, who: Session, table_id: str, asked: RenewCommand) -> Done | Refused:
    """Let the code of a table hold no more. The answer is `CodeAnswer`; one that was renewed meanwhile is left as it is."""

    def work(deed: Deed) -> msgspec.Struct | Refused:
        permitted = permit.permit(deed, Action.DRAW_FLOOR, table_id)
        if isinstance(permitted, Refused):
            return permitted
        if floors.table_of(deed.tx, table_id) is None:
            return Refused("unknown_table", {"table": table_id[:32]})
        number = kept.code_version(deed.tx, table_id)
        if number == asked.over:
            if number >= NUMBER_MAX:
                return Refused("unknown_table", {"table": table_id[:32]})
            number += 1
            deed.write(TABLE_CODE_RENEWED, TableCodeRenewed(table_id=table_id, version=number))
        return CodeAnswer(table_id=table_id, number=number)

    return deeds.transact(node, who, asked.request_id, _Named(table_id, asked), work)


def table_of(node: Node, code: str) -> Table | Refused:
    """Say at which table a code stands.

    Returns:
        `table_code_wrong` where this store never signed it; `table_code_old` where it was renewed, or its table is off the plan.
    """
    apart = table_code.take_apart(code)
    if apart is None:
        return Refused("table_code_wrong")
    claims = apart.claims
    with node.db.read() as reader:
        signers = _signers(node, reader, claims.key_id)
        if not any(keys.verified(one, apart.signed, apart.signature) for one in signers):
            return Refused("table_code_wrong")
        table = floor_rows.tables_of(floors.plan(reader)).get(claims.table_id)
        if table is None or kept.code_version(reader, claims.table_id) != claims.number:
            return Refused("table_code_old")
    return table


def _signers(node: Node, reader: Reader, key_id: bytes) -> list[bytes]:
    """List the public keys of this store's nodes, this one and those before it, that have an id."""
    own = node.identity.public
    found = [own.signing] if own.key_id == key_id else []
    if node.enrolment is not None:
        store = node.enrolment.store
        found += [one.public_key for one in streams.keys_named(reader, key_id) if one.store == store]
    return found
