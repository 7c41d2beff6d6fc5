"""A rig with the shipped gateway, codes as a scanner would leave them, and short words for taking money."""

from collections.abc import Callable
from dataclasses import replace

import msgspec

from edge.db.staff import Session
from edge.domain.bearer import Bearer, BearerShelf
from edge.domain.refusal import Refused
from edge.services.money import code_payments
from edge.services.money.code_payments import CodeCharge
from edge.services.money.gateway_desk import GatewayDesk
from edge.services.money.gateway_fake import FakeGateway, Faults
from edge.services.money.money_views import MoneyView
from edge.services.node import Node
from tests.kit.nodes import AT_TILL_1, Rig, uuid7_hex

WECHAT_CODE = "134567890123456789"


class PayRig:
    """A rig whose node charges codes at a fake gateway, which outlives the node as another party does."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.fake = FakeGateway(rig.clock, rig.node.zone)
        self.shelf = BearerShelf()
        self.node = self.with_gateway()

    def with_gateway(self) -> Node:
        """The rig's node of now, with the same gateway: as after a restart."""
        self.node = replace(self.rig.node, gateway=GatewayDesk(self.fake))
        return self.node

    def scanned(self) -> str:
        """Scan a guest's code; gives the handle."""
        return self.shelf.put(WECHAT_CODE, self.rig.clock.monotonic_ms())

    @property
    def take_code(self) -> Callable[[str], Bearer | None]:
        return lambda handle: self.shelf.take(handle, self.rig.clock.monotonic_ms())

    def charge(
        self, number: int, amount_fen: int = 7_900, who: Session = AT_TILL_1, **more: str | bool
    ) -> MoneyView | Refused:
        """Charge a code under the id `uuid7_hex(number)`."""
        asked = CodeCharge(uuid7_hex(number), amount_fen, **more)  # type: ignore[arg-type]
        return code_payments.charge(self.node, who, asked, self.scanned(), self.take_code)

    def faults(self, **wrong: object) -> None:
        """Switch faults of the gateway; what is not named is mended."""
        self.fake.put_faults(msgspec.convert(wrong, Faults))


def state(found: MoneyView | Refused) -> str:
    """The state of a payment, or the code of a refusal."""
    return found.code if isinstance(found, Refused) else found.state
