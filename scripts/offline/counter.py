"""The counter as people stand at it: who is signed in, what they ask of the node, what comes out of the printers."""

import json
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from scripts.demo_client import Answer, Door
from scripts.offline.frame import Missed, hold
from scripts.offline.paper import Paper
from scripts.offline.world import TABLES, OfflineWorld, wait_for

if TYPE_CHECKING:
    from scripts.offline.browser import Screen
from sync.node.ports import IdSource, SystemChance, SystemClock

API = "/api/v1"
UNAUTHORIZED, FORBIDDEN = 401, 403
PINS = {"cashier": "173946", "supervisor": "285017", "manager": "396184"}
WECHAT = "13456789012345"
"""How a payment code of a guest begins; four digits more make it one."""
KUNG_PAO, RICE_NOODLES, COLA = ("d101", 3_800), ("d703", 3_200), ("d907", None)
DISH, DISH_FEN = "d210", 2_600
"""A cold dish without choices, which no printer of a station serves."""
WOK_DISH, WOK_FEN = "d305", 12_800
"""A dish without choices that the wok's printer tells the kitchen."""
WEIGHED_DISH = "d213"


@dataclass
class Counter:
    """Everything that a driver has in hand."""

    world: OfflineWorld
    first_pin: str
    people: dict[str, str] = field(default_factory=dict)
    """The ids of cashier, supervisor and manager."""
    tills: dict[str, str] = field(
        default_factory=lambda: {"cashier": "1", "supervisor": "1", "manager": "1", "second": "2"}
    )
    before: dict[str, Any] = field(default_factory=dict)
    """What was made while the network was there, for what is done about it during the cut."""
    _doors: dict[str, Door] = field(default_factory=dict)
    _strangers: list[Door] = field(default_factory=list)
    _tables: int = 0
    _codes: int = 0
    _ids: IdSource = field(default_factory=lambda: IdSource(SystemClock(), SystemChance()))

    def close(self) -> None:
        """Close whatever was opened."""
        for door in (*self._doors.values(), *self._strangers):
            door.close()
        for name in ("paper", "kitchen_paper", "screen"):
            if name in self.__dict__:
                getattr(self, name).close()

    # ------------------------------------------------------------------------------------------------------ to ask
    @property
    def url(self) -> str:
        """The node's own address."""
        return self.world.store.url

    def id(self) -> str:
        """Draw an id, as a till does."""
        return self._ids.uuid7().hex()

    def stranger(self) -> Door:
        """Open a browser at which nobody is signed in."""
        return self.visit(self.url)

    def visit(self, url: str) -> Door:
        """Open a door that is closed with the counter."""
        self._strangers.append(Door(url))
        return self._strangers[-1]

    def pin_of(self, who: str) -> str:
        """Give the PIN of one of the people."""
        return PINS["manager" if who == "second" else who]

    def sign_in(self, who: str, door: Door | None = None) -> Door:
        """Sign somebody in.

        Raises:
            Missed: the node did not let them.
        """
        door = door or self.stranger()
        answer = door.ask("POST", f"{API}/session", {"pin": self.pin_of(who), "till": self.tills[who]})
        hold(answer.fine, f"{who} signs in: {answer.body}")
        return door

    def door(self, who: str = "cashier") -> Door:
        """Give the browser at which somebody works."""
        if who not in self._doors:
            self._doors[who] = self.sign_in(who)
        return self._doors[who]

    def ask(self, method: str, path: str, body: object = None, who: str = "cashier") -> Answer:
        """Ask the node; whoever was signed out meanwhile signs in again."""
        path = path if path.startswith("/") else f"{API}/{path}"
        # What changes something names its request, so a till asks again where an answer was lost.
        answer = self.door(who).ask_patiently(method, path, body)
        if answer.status == UNAUTHORIZED:
            self._doors.pop(who).close()
            answer = self.door(who).ask_patiently(method, path, body)
        return answer

    def do(self, method: str, path: str, body: object = None, who: str = "cashier") -> Any:  # noqa: ANN401 - JSON
        """Ask for something that must be granted; gives the answer's body.

        Raises:
            Missed: it was refused.
        """
        answer = self.ask(method, path, body, who)
        hold(answer.fine, f"{method} {path}: {answer.status} {_code(answer.body)}")
        return answer.body

    def with_word(self, method: str, path: str, body: dict[str, Any], who: str = "cashier") -> Any:  # noqa: ANN401 - JSON
        """Ask for something that another person must allow: the manager does, at the same till.

        Raises:
            Missed: it was granted without a word, or refused with one.
        """
        first = self.ask(method, path, body, who)
        hold(
            first.status == FORBIDDEN and first.body["code"] == "needs_approval",
            f"{path} asks for no word: {first.body}",
        )
        return self.do(method, path, {**body, "approval_id": self.approve(first.body["details"], who)}, who)

    def approve(self, needed: dict[str, Any], who: str = "cashier") -> str:
        """Let the manager give the word for what a refusal named; gives the approval's id."""
        said = {key: value for key, value in needed.items() if key != "why"}
        asked = {**said, "request_id": self.id(), "pin": PINS["manager"]}
        return str(self.do("POST", "approvals", asked, who)["approval_id"])

    def page(self, path: str, who: str = "cashier", language: str = "en") -> str:
        """Get a page of the node as text.

        Raises:
            Missed: it is no page.
        """
        mark = "&" if "?" in path else "?"
        answer = self.ask("GET", f"{path}{mark}lang={language}", who=who)
        hold(answer.fine, f"{path}: {answer.status}")
        return bytes(answer.body).decode()

    def form(self, path: str, who: str = "cashier", **fields: str) -> Answer:
        """Send a form of a page, as a browser without scripts does."""
        # Whoever was signed out meanwhile signs in again.
        self.do("POST", "session/seen", who=who)
        request = urllib.request.Request(  # noqa: S310 - our own address
            f"{self.url}{path}",
            urllib.parse.urlencode(fields).encode(),
            {"Cookie": self.door(who).headers["Cookie"], "Origin": self.url},
        )
        opener = urllib.request.build_opener(_Stay)
        try:
            with opener.open(request, timeout=60) as reply:
                return Answer(reply.status, reply.read().decode())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.headers.get("Location", ""))

    def first_event(self, path: str, name: str, who: str = "") -> dict[str, Any]:
        """Follow a stream until its first event of a name; gives what it says.

        Raises:
            Missed: it ends before.
        """
        headers = {"Cookie": self.door(who).headers["Cookie"]} if who else {}
        request = urllib.request.Request(f"{self.url}{path}", headers=headers)  # noqa: S310 - our own address
        with urllib.request.urlopen(request, timeout=60) as stream:  # noqa: S310 - our own address
            wanted = False
            for raw in stream:
                line = raw.decode().rstrip("\n")
                if wanted and line.startswith("data: "):
                    told: dict[str, Any] = json.loads(line.removeprefix("data: "))
                    return told
                wanted = (wanted and bool(line)) or line == f"event: {name}"
        raise Missed(f"{path} told nothing of {name}")

    def now_ms(self) -> int:
        """Ask the node what time it is."""
        return int(self.stranger().ask("GET", f"{API}/status").body["now_ms"])

    def day(self) -> str:
        """The business day of now, as the node counts it."""
        sale = self.sell()
        return str(sale["business_day"])

    # ----------------------------------------------------------------------------------------------------- devices
    @cached_property
    def paper(self) -> Paper:
        """The receipt printer's."""
        return Paper(self.world.store.roll_url)

    @cached_property
    def desk_url(self) -> str:
        """The page of the twins beside the receipt printer."""
        found: list[str] = []

        def shown() -> bool:
            devices = self.do("GET", "devices")["devices"]
            found[:] = [one["page_url"] for one in devices if one["id"] == "scale" and one["page_url"]]
            return bool(found)

        wait_for(shown, "the twins to come up")
        address = urllib.parse.urlsplit(found[0])
        return f"{address.scheme}://{address.netloc}"

    @cached_property
    def kitchen_paper(self) -> Paper:
        """The wok printer's."""
        return Paper(f"{self.desk_url}/printer/kitchen")

    def device(self, key: str, action: str, value: object) -> None:
        """Do something to a twin, as a person does: scan, swipe, put on the scale."""
        answer = self.visit(self.desk_url).ask_patiently("POST", f"/api/devices/{key}/{action}", {"value": value})
        hold(answer.fine, f"{key} {action}: {answer.body}")

    def payment_code(self) -> str:
        """Scan a fresh payment code at till 1; gives the handle that the screen gets."""
        self._codes += 1
        self.do("PUT", "till/accepts", {"kinds": ["payment"], "screen": "pay"})
        found = self.do("POST", "till/scans", {"text": f"{WECHAT}{self._codes:04d}"})
        hold(found["kind"] == "payment" and found["accepted"], f"a payment code is taken: {found}")
        return str(found["handle"])

    @cached_property
    def screen(self) -> "Screen":
        """A browser with the till's page before it."""
        from scripts.offline.browser import Screen  # noqa: PLC0415 - a browser starts for those drivers only that look at one

        return Screen(self.url, PINS["manager"])

    # ------------------------------------------------------------------------------------------------------ selling
    def sell(self, *dishes: str, who: str = "cashier", **said: object) -> dict[str, Any]:
        """Sell over the counter for cash, unless `tenders` say otherwise."""
        lines = [{"dish_id": one, "qty": 1} for one in dishes or (DISH,)]
        body = {"sale_id": self.id(), "lines": lines, "tenders": [{"kind": "cash", "received_fen": 1_000_000}], **said}
        sale: dict[str, Any] = self.do("POST", "sales", body, who)
        return sale

    def a_table(self) -> str:
        """Give a table at which nobody sits."""
        self._tables += 1
        assert self._tables <= TABLES, "the plan has too few tables for the drive"
        return f"t{self._tables}"

    def opened(self, *dishes: str, who: str = "cashier", send: bool = False, **said: object) -> tuple[str, list[str]]:
        """Open a table with dishes on it; gives the order's id and its lines'."""
        order_id, lines = self.id(), [self.id() for _ in dishes or (DISH,)]
        steps: list[dict[str, Any]] = [
            {"do": "add", "line_id": line_id, "dish_id": dish, "qty": 1}
            for line_id, dish in zip(lines, dishes or (DISH,), strict=True)
        ]
        body = {"order_id": order_id, "service": "dine_in", "table": self.a_table(), "covers": 2, **said}
        self.do("POST", "orders", {**body, "steps": steps + ([{"do": "send"}] if send else [])}, who)
        return order_id, lines

    def steps(self, order_id: str, *steps: dict[str, Any], who: str = "cashier") -> list[dict[str, Any]]:
        """Do steps of an order that must be done; gives their outcomes."""
        body = {"request_id": self.id(), "steps": list(steps)}
        outcomes: list[dict[str, Any]] = self.do("POST", f"orders/{order_id}/steps", body, who)["outcomes"]
        bad = [one for one in outcomes if one["became"] not in {"done", "partly"}]
        hold(not bad, f"steps of an order: {bad}")
        return outcomes

    def order(self, order_id: str, who: str = "cashier") -> dict[str, Any]:
        """Read an order: its head, its lines, its bill and its version."""
        found: dict[str, Any] = self.do("GET", f"orders/{order_id}", who=who)
        return found

    def table_of(self, order_id: str) -> str:
        """Give the table at which an order's guests sit."""
        return str(self.order(order_id)["head"].get("table", ""))

    def bill(self, order_id: str) -> dict[str, Any]:
        """Read a bill."""
        found: dict[str, Any] = self.do("GET", f"orders/{order_id}/bill")
        return found

    def pay(self, order_id: str, who: str = "cashier", **said: object) -> dict[str, Any]:
        """Pay an order in cash, unless `tenders` say otherwise."""
        tenders = [{"kind": "cash", "received_fen": 1_000_000}]
        sale: dict[str, Any] = self.do(
            "POST", f"orders/{order_id}/pay", {"sale_id": self.id(), "tenders": tenders, **said}, who
        )
        return sale

    def free(self, order_id: str) -> bool:
        """Say whether nobody sits at an order any more: it is not among the open ones."""
        return order_id not in {one["order_id"] for one in self.do("GET", "orders")["orders"]}


class _Stay(urllib.request.HTTPRedirectHandler):
    """Leaves redirects to the driver."""

    def redirect_request(self, *_: object) -> None:
        """Follow none."""


def _code(body: object) -> object:
    return body.get("code", body) if isinstance(body, dict) else body
