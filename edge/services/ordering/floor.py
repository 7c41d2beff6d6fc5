"""The plan of the tables: read by all, drawn by a manager, each drawing under the version that it was drawn over."""

from typing import Annotated

import msgspec

from edge.db import floor as floor_rows
from edge.db import orders as kept
from edge.db.staff import Session
from edge.domain import floor as floor_rules
from edge.domain.refusal import Refused
from edge.domain.roles import Action
from edge.services import deeds
from edge.services.deeds import Deed, Done
from edge.services.node import Node
from edge.services.people.permit import permit
from sync.contract.orders import FLOOR_DRAWN, Area, FloorDrawn, Table
from sync.node.database import Reader

THE_FLOOR = "floor"
"""What an approval for drawing would be about."""


class DrawCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A whole plan; `over` is the version of the plan that it was made from."""

    request_id: Annotated[str, msgspec.Meta(min_length=32, max_length=32)]
    over: int
    areas: Annotated[tuple[Area, ...], msgspec.Meta(max_length=floor_rules.AREAS_MAX)]


class FloorAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The plan in force; version 0 = the first one, which nobody drew. `n` is what live events call it by."""

    version: int
    n: int
    areas: tuple[Area, ...]


def plan(reader: Reader) -> FloorDrawn:
    """Give the plan in force."""
    drawn = floor_rows.drawn(reader)
    return floor_rules.first_plan() if drawn is None else drawn.plan


def table_of(reader: Reader, table_id: str) -> Table | None:
    """Find a table on the plan in force; None for none, or for one that was taken off the plan."""
    return floor_rows.tables_of(plan(reader)).get(table_id)


def table_name(reader: Reader, table_id: str) -> str:
    """Say what people call a table; its id where it is not on the plan any more."""
    table = table_of(reader, table_id)
    return table_id if table is None else table.name


def read(node: Node) -> FloorAnswer:
    """Give the plan in force, with its version."""
    with node.db.read() as reader:
        return _answer(reader)


def draw(node: Node, who: Session, asked: DrawCommand) -> Done | Refused:
    """Let a plan be in force. The answer is `FloorAnswer`.

    Refused with `bad_floor` {mistakes}, `stale_floor` {version} when somebody else drew meanwhile, `table_in_use` {tables} when guests
    sit at a table that the plan has no more.
    """

    def work(deed: Deed) -> msgspec.Struct | Refused:
        permitted = permit(deed, Action.DRAW_FLOOR, THE_FLOOR)
        if isinstance(permitted, Refused):
            return permitted
        before = plan(deed.tx)
        if before.version == asked.over + 1 and before.areas == asked.areas:
            # Drawn before, by a request whose answer is gone.
            return _answer(deed.tx)
        if before.version != asked.over:
            return Refused("stale_floor", {"version": before.version})
        wrong = floor_rules.mistakes(asked.areas)
        if wrong:
            return Refused("bad_floor", {"mistakes": wrong[:20]})
        drawn = FloorDrawn(version=before.version + 1, areas=asked.areas)
        missing = kept.taken_tables(deed.tx) - set(floor_rows.tables_of(drawn))
        if missing:
            names = floor_rows.tables_of(before)
            return Refused("table_in_use", {"tables": sorted(names[one].name for one in missing if one in names)})
        deed.write(FLOOR_DRAWN, drawn)
        return _answer(deed.tx)

    return deeds.transact(node, who, asked.request_id, asked, work)


def _answer(reader: Reader) -> FloorAnswer:
    in_force = plan(reader)
    return FloorAnswer(version=in_force.version, n=floor_rows.last_n(reader), areas=in_force.areas)
