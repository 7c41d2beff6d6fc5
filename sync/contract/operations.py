"""The facts of lane 1: what the node and its devices did."""

import msgspec

from sync.contract.facts import UNREADABLE, ContractError, Fact

NODE_STARTED = "node.started"
MENU_IMPORTED = "menu.imported"
PRINT_CONFIRMED = "print.confirmed"
PRINT_PARKED = "print.parked"
PRINT_DISCARDED = "print.discarded"


class NodeStarted(msgspec.Struct, frozen=True, kw_only=True):
    """The node process came up."""

    version: str
    boot: str


class MenuImported(msgspec.Struct, frozen=True, kw_only=True):
    """A menu came into force at this node; `sha256` is over its canonical JSON."""

    version: int
    dishes: int
    sha256: str


class PrintSettled(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one slip: on paper (`print.confirmed`), parked with a reason, or discarded by a person.

    `state` tells the two kinds of parked apart: `held` (nothing was handed over) and `unknown` (it may be on paper).
    """

    job_id: str
    document: str
    subject: str
    copy: int
    state: str = ""
    reason: str = ""


Operation = NodeStarted | MenuImported | PrintSettled

_DECODERS: dict[str, msgspec.json.Decoder[Operation]] = {
    NODE_STARTED: msgspec.json.Decoder(NodeStarted),
    MENU_IMPORTED: msgspec.json.Decoder(MenuImported),
    PRINT_CONFIRMED: msgspec.json.Decoder(PrintSettled),
    PRINT_PARKED: msgspec.json.Decoder(PrintSettled),
    PRINT_DISCARDED: msgspec.json.Decoder(PrintSettled),
}


def read_operation(fact: Fact) -> Operation:
    """Read the body of a lane 1 fact.

    Raises:
        ContractError: unknown kind, or a body of another shape.
    """
    decoder = _DECODERS.get(fact.kind)
    if decoder is None:
        message = f"unknown kind {fact.kind}"
        raise ContractError(message)
    try:
        return decoder.decode(fact.body)
    except UNREADABLE as error:
        message = f"{fact.kind}: {error}"
        raise ContractError(message) from error
