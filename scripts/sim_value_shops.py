"""The places of a world of members: stores with a node, a wall clock that may be wrong, and what their people remember."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from cloud.db.engine import HubDatabase, open_engine
from edge.domain.roles import Role
from edge.services.hub import hub_commands
from edge.services.money.book_sale import SaleAnswer
from sync.contract.points import Gift, Rules
from sync.contract.words import Name
from sync.node.ports import ManualClock
from tests.kit.hub_store import open_file
from tests.kit.member_hub import MemberHub
from tests.kit.member_tills import Till
from tests.kit.nodes import AT_TILL_1

FAN = Gift(gift_id="fan", name=Name("折扇", "Fan"), points=500, stock=1)
RULES = Rules(
    version=1, welcome=1_000, points=5, valid_months=1, risk_max=500, referral_cool_days=3, gifts=(FAN,), claim_days=30
)
CASHIER = AT_TILL_1._replace(role=Role.CASHIER, cashier_id="c2")
REFUNDER = AT_TILL_1._replace(cashier_id="c9")
"""Whoever sells may not take back alone what they sold."""


class Wall:
    """A store's own clock: its wall may be wrong, its hours are as long as everybody's."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.off_ms = 0

    def now_ms(self) -> int:
        """What the wall shows."""
        return self._clock.now_ms() + self.off_ms

    def monotonic_ms(self) -> int:
        """The ms since the world began."""
        return self._clock.monotonic_ms()

    def advance(self, ms: int) -> None:
        """Let time pass, for everybody."""
        self._clock.advance(ms)


class Shop:
    """A node of a store, with what its people remember."""

    def __init__(self, till: Till, wall: Wall) -> None:
        self.till = till
        self.wall = wall
        self.members: dict[str, str] = {}
        """Who somebody is here, by phone."""
        self.seen: set[str] = set()
        """All who were ever somebody here."""
        self.sales: list[SaleAnswer] = []
        self.asked: list[str] = []
        """Refunds of other stores' sales that are not decided."""
        self.fenced = False

    @property
    def name(self) -> str:
        """Name the store."""
        return self.till.name

    def hear(self) -> None:
        """Let everything come down, and do what HQ and other stores ask for."""
        self.till.pull()
        if self.till.online:
            hub_commands.run_waiting(self.till.node)

    def sync(self) -> None:
        """Send everything, hear everything, and do what follows."""
        self.till.sync()
        self.hear()
        self.till.send()

    def late(self) -> None:
        """A replaced computer's facts arrive: it is let send, and hears nothing."""
        self.till.online = True
        self.till.send()
        self.till.online = False


@cache
def _empty_hub() -> bytes:
    """Give the file of a new hub: the released steps take a while, and every world begins with them."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "hub.db"
        open_file(path).close()
        return path.read_bytes()


def open_hub(folder: Path) -> HubDatabase:
    """Open a new hub's database."""
    path = folder / "hub.db"
    path.write_bytes(_empty_hub())
    return open_engine(f"sqlite:///{path}")


def open_shop(hub: MemberHub, folder: Path, name: str, number: int) -> Shop:
    """Open a store, or give one another computer; `number` is the computer's."""
    wall = Wall(hub.kit.clock)
    clock, hub.clock = hub.clock, wall
    till = Till(hub, name, folder / f"node-{number}", f"{name}-{number}")
    hub.clock = clock
    till._numbers = 10_000 * number  # noqa: SLF001 - ids of two computers of one store must differ
    hub.stores[name] = till  # type: ignore[assignment]
    shop = Shop(till, wall)
    shop.sync()
    return shop


__all__ = ["CASHIER", "FAN", "REFUNDER", "RULES", "Shop", "Wall", "open_hub", "open_shop"]
