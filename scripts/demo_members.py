"""Members in the demo: guests join at the other store with the invites of printed receipts, while no store hears HQ.

One guest joins at both stores under one number, which is normal where the stores cannot hear each other: HQ makes one member of the two, with one welcome.
"""

import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from drivers.escpos import decoder
from scripts.demo_client import Door, Roll, hub, till
from scripts.demo_day import CATCH_UP_S_MAX, Desk
from scripts.demo_world import Store, World
from sync.contract import codes
from sync.contract.points import Rules
from sync.node.ports import IdSource, SystemChance, SystemClock

JOINS_EACH = 6
"""Guests who join at each store."""
SETTLE_S_MAX = 60
TEXT = "demo-1"
FIRST_PHONE = 13_900_000_001
SHOWN = (("陈先生", 13_900_009_001), ("Ms Lee", 13_900_009_002), ("王女士", 13_900_009_003))
"""Members whom the demo for people begins with."""
_PROMISE = re.compile(r"(?:积分|Points).*\+(\d+)$")


@dataclass(frozen=True)
class Receipt:
    """A printed receipt: its invite and the points that it promises to whoever joins."""

    code: str
    promised: int


@dataclass
class Club:
    """What the driver knows: who joined, and what the paper promised them."""

    members: dict[str, set[str]] = field(default_factory=dict)
    """Ids that each store gave, by store."""
    phones: set[str] = field(default_factory=set)
    promised: int = 0
    joined: int = 0
    points_edge: int = 0
    points_hub: int = 0
    members_hub: int = 0

    @property
    def owed(self) -> int:
        """What all of them must have by the paper and the welcome."""
        return self.promised + Rules().welcome * len(self.phones)


def join_from_paper(world: World, desks: dict[str, Desk], say: Callable[[str], None]) -> Club:
    """Let guests join at the store that did not print their receipt, without a broker; then let everybody hear of it."""
    club = Club()
    ids = IdSource(SystemClock(), SystemChance())
    receipts = {store.id: _receipts(store) for store in world.stores}
    world.broker.stop()
    say(f"{2 * JOINS_EACH} guests join with printed invites at the other store, without a broker")
    for at, store in enumerate(world.stores):
        other = world.stores[(at + 1) % len(world.stores)]
        door = till(store)
        for number, receipt in enumerate(receipts[other.id]):
            # The last guest of each store is one and the same.
            last = number == JOINS_EACH - 1
            phone = str(FIRST_PHONE + (0 if last else 1 + at * JOINS_EACH + number))
            member_id = _join(door, ids, phone, invite=receipt.code)
            club.members.setdefault(store.id, set()).add(member_id)
            club.phones.add(phone)
            club.promised += receipt.promised
    world.broker.start()
    _settle(world, club, desks, say)
    return club


def show(world: World, say: Callable[[str], None]) -> list[str]:
    """Begin the demo with some members and one printed invite; gives lines for the welcome."""
    say("some members, and a receipt with an invite")
    ids = IdSource(SystemClock(), SystemChance())
    first, second = world.stores
    door = till(first, "2")
    for name, phone in SHOWN:
        _join(door, ids, str(phone), name=name)
    dish = next(
        dish
        for dish in world.menu.dishes
        if dish.price_fen and not (dish.per_g or dish.open_price or dish.parts or dish.modifier_groups)
    )
    body = {
        "sale_id": ids.uuid7().hex(),
        "lines": [{"dish_id": dish.id, "qty": 1, "modifiers": [], "weight_g": 0}],
        "tenders": [{"kind": "cash", "received_fen": dish.price_fen}],
    }
    sold = till(second, "2").ask_patiently("POST", "/api/v1/sales", body)
    if not sold.fine:
        raise RuntimeError(f"{second.id} refused a sale: {sold.body}")
    lines = [f"    {name}{'' if name.isascii() else '  '}\t{phone}    (F3 at the till)" for name, phone in SHOWN]
    return [
        "  会员 · Members",
        *lines,
        f"    receipt {sold.body['receipt_no']} of {second.name.en}: whoever joins with it has its points",
        f"    join          {world.guest_url}/J/{sold.body['invite']['code']}",
    ]


def _join(door: Door, ids: IdSource, phone: str, *, invite: str = "", name: str = "") -> str:
    body = {
        "request_id": ids.uuid7().hex(),
        "consents": ["membership", "sharing"],
        "text": TEXT,
        "said": {"phone": phone, "name": name},
        "invite": invite,
    }
    answer = door.ask_patiently("POST", "/api/v1/members", body)
    if not answer.fine or answer.body.get("claim"):
        raise RuntimeError(f"a guest could not join: {answer.body}")
    return str(answer.body["member_id"])


def _receipts(store: Store) -> list[Receipt]:
    """Read whole receipts off the paper, the latest ones that promise points."""
    found: list[Receipt] = []
    for slip in reversed(Roll(store.roll_url).slips()):
        decoded = decoder.decode(slip.raw)
        code = codes.find(decoded.qr[0]) if decoded.qr else None
        promise = [read for line in decoded.text.splitlines() if (read := _PROMISE.search(line.strip()))]
        if slip.complete and code is not None and promise and all(one.code != code for one in found):
            found.append(Receipt(code, int(promise[0][1])))
        if len(found) == JOINS_EACH:
            break
    return found


def _settle(world: World, club: Club, desks: dict[str, Desk], say: Callable[[str], None]) -> None:
    say("waiting until stores and hub say the same of every member")
    doors = {store.id: till(store) for store in world.stores}
    hub_door = hub(world.console_url, world.api_token)
    for desk in desks.values():
        desk.wait_for("reaching the hub", lambda desk=desk: desk.waiting() == 0, CATCH_UP_S_MAX)  # type: ignore[misc]

    def agreed() -> bool:
        _count(club, doors, hub_door)
        return club.points_edge == club.points_hub == club.owed and club.joined == club.members_hub

    # Whatever is still different then is the judge's to say.
    with contextlib.suppress(RuntimeError):
        next(iter(desks.values())).wait_for("agreeing about members", agreed, SETTLE_S_MAX)


def _count(club: Club, doors: dict[str, Door], hub_door: Door) -> None:
    """Count every member once, by the name that their store has for them now."""
    points: dict[str, int] = {}
    for store, members in club.members.items():
        for member_id in members:
            seen = doors[store].ask_patiently("GET", f"/api/v1/members/{member_id}").body
            points[seen["member_id"]] = seen["points"] - seen["debt"]
    told = hub_door.ask_patiently("GET", "/api/v1/points").body
    club.joined, club.points_edge = len(points), sum(points.values())
    club.members_hub, club.points_hub = told["members"], told["with_members"] + told["in_grants"] - told["owed"]
