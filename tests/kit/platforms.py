"""A rig with the shipped takeaway platform, and short words for what guests order there."""

from dataclasses import replace
from typing import Any

import msgspec

from edge.db import intake as rows
from edge.db.intake import Kept
from edge.domain.intake import PlacedItem
from edge.services.intake.care import IntakeCare
from edge.services.intake.desk import Counter, IntakeDesk
from edge.services.intake.platform_fake import FakePlatform, Faults, Wish
from edge.services.node import Node
from edge.settings import PlatformSettings
from tests.kit.nodes import Rig

RICE, CHICKEN, MILK = "d102", "d101", "d103"


class PlatformRig:
    """A rig whose node takes orders of a fake platform, which outlives the node as another party does."""

    def __init__(self, rig: Rig, *, auto: bool = True) -> None:
        self.rig = rig
        self.fake = FakePlatform()
        self.settings = PlatformSettings(id="mt", name_zh="美团", name_en="Meituan", auto=auto)
        self.again()

    def again(self) -> Node:
        """The rig's node of now, with the same platform: as after a restart."""
        desk = IntakeDesk({"mt": Counter(self.settings, self.fake)})
        self.node = replace(self.rig.node, intake=desk)
        self.care = IntakeCare(self.node)
        return self.node

    def place(self, *items: tuple[str, int, int], **more: Any) -> str:
        """Let a guest order (dish, pieces, price of one); gives the platform's number."""
        wanted = items or ((RICE, 2, 400), (CHICKEN, 1, 4_200))
        placed = tuple(PlacedItem(dish_id=dish, name=dish, qty=qty, unit_fen=fen) for dish, qty, fen in wanted)
        return self.fake.place(Wish(items=placed, **more))

    def look(self) -> None:
        """Let the worker do what is due, pauses of an absent platform gone by."""
        self.rig.clock.advance(30_000)
        self.care.look()

    def order(self, number: str) -> Kept:
        with self.rig.db.read() as reader:
            found = rows.by_no(reader, "mt", number)
        assert found is not None, f"{number} never came in"
        return found

    def state_there(self, number: str) -> str:
        return next(one.state for one in self.fake.seen().orders if one.platform_no == number)

    def faults(self, **wrong: object) -> None:
        """Switch faults of the platform; what is not named is mended."""
        self.fake.put_faults(msgspec.convert(wrong, Faults))
