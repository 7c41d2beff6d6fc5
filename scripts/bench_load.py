"""The tills of `bench till`: one process each, so that one till's work is never another till's waiting.

A till serves its guests one after the other without a pause, over one connection that stays open. Guests at tables are opened as
they come and pay when the next ones need their table, so that a few are always at dinner.
"""

import contextlib
import http.client
import json
import pickle
import select
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.bench_guests import NOTE_FEN, AtCounter, AtTable, Guest, phone_of

ROOT = Path(__file__).resolve().parent.parent
TILL = (sys.executable, "-m", "scripts.bench_load")
READY, GO = b"ready\n", b"go\n"
SALES_PATH = "/api/v1/sales"
ORDERS_PATH = "/api/v1/orders"
MEMBERS_PATH = "/api/v1/members"
JSON_HEADERS = {"Content-Type": "application/json", "Accept-Language": "zh-CN"}
REQUEST_TIMEOUT_S = 30.0
READY_TIMEOUT_S = 60.0
TABLES_OF_TILL = 3
"""So many tables are at dinner at each till."""
SELL, PAY, READ, FIND = "sell", "pay", "read", "find"
LOOKS = frozenset({READ, FIND})
"""What is only looked at."""
CREATED, OK = http.HTTPStatus.CREATED, http.HTTPStatus.OK


@dataclass(frozen=True)
class Errand:
    """Whom one till is to serve, with the session it is signed in under; it gives up after `limit_s`.

    Attributes:
        tables: where its guests sit; without any it has none at tables.
    """

    port: int
    cookie: str
    guests: tuple[Guest, ...]
    limit_s: float
    tables: tuple[str, ...] = ()


@dataclass
class Haul:
    """What one till saw: ms from request to the answer's last byte by what was asked, and what was refused, by kind.

    Attributes:
        orders: guests who paid.
        slips: papers that must come of what was confirmed.
    """

    took_ms: dict[str, list[float]] = field(default_factory=dict)
    refusals: dict[str, int] = field(default_factory=dict)
    orders: int = 0
    slips: int = 0


@dataclass(frozen=True)
class Load:
    """What all tills of one run saw, and how long it took in s."""

    hauls: tuple[Haul, ...]
    seconds: float

    @property
    def orders(self) -> int:
        """Guests who paid, of all tills."""
        return sum(haul.orders for haul in self.hauls)

    @property
    def slips(self) -> int:
        """Papers that must come, of all tills."""
        return sum(haul.slips for haul in self.hauls)

    @property
    def kinds(self) -> dict[str, list[float]]:
        """The latencies of all tills by what was asked."""
        found: dict[str, list[float]] = {}
        for haul in self.hauls:
            for kind, took_ms in haul.took_ms.items():
                found.setdefault(kind, []).extend(took_ms)
        return found

    @property
    def refusals(self) -> dict[str, int]:
        """What was refused, by kind."""
        found: dict[str, int] = {}
        for haul in self.hauls:
            for kind, times in haul.refusals.items():
                found[kind] = found.get(kind, 0) + times
        return found


class NotDoneError(Exception):
    """A request was not answered as it should have been; the text is the kind of refusal."""


def send_all(errands: Sequence[Errand]) -> Load:
    """Let every till serve its guests, all tills starting together.

    Raises:
        RuntimeError: a till did not come up or died.
    """
    tills: list[subprocess.Popen[bytes]] = []
    try:
        for errand in errands:
            till = subprocess.Popen(TILL, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            tills.append(till)
            assert till.stdin is not None
            pickle.dump(errand, till.stdin)
            till.stdin.flush()
        for till in tills:
            assert till.stdout is not None
            readable, _, _ = select.select([till.stdout], [], [], READY_TIMEOUT_S)
            if not readable or till.stdout.readline() != READY:
                raise RuntimeError("a till of the benchmark did not come up")
        begun = time.monotonic()
        for till in tills:
            assert till.stdin is not None
            till.stdin.write(GO)
            till.stdin.flush()
        hauls = [_haul(till, errand.limit_s + REQUEST_TIMEOUT_S) for till, errand in zip(tills, errands, strict=True)]
        return Load(tuple(hauls), time.monotonic() - begun)
    finally:
        for till in tills:
            till.kill()
            till.communicate()


def run_till() -> None:
    """Be one till: take the errand, connect, wait for the word, serve guest after guest, tell."""
    errand = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the process that started this one
    till = _Till(errand)
    sys.stdout.buffer.write(READY)
    sys.stdout.buffer.flush()
    sys.stdin.buffer.readline()
    till.serve(time.monotonic() + errand.limit_s)
    pickle.dump(till.haul, sys.stdout.buffer)


def _haul(till: "subprocess.Popen[bytes]", timeout_s: float) -> Haul:
    try:
        told, _ = till.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"a till of the benchmark was silent for {timeout_s:.0f} s") from error
    if till.returncode != 0:
        raise RuntimeError("a till of the benchmark died")
    haul: Haul = pickle.loads(told)  # noqa: S301 - from a process that this one started
    return haul


class _Till:
    """Serves guests and notes how long each request took."""

    def __init__(self, errand: Errand) -> None:
        self._guests = errand.guests
        self._headers = {**JSON_HEADERS, "Cookie": errand.cookie}
        self._link = http.client.HTTPConnection("127.0.0.1", errand.port, timeout=REQUEST_TIMEOUT_S)
        self._link.request("GET", "/api/v1/status", headers=self._headers)
        self._link.getresponse().read()
        self._free = deque(errand.tables)
        self._dining: deque[tuple[AtTable, str, str]] = deque()
        self.haul = Haul()

    def serve(self, deadline: float) -> None:
        """Serve everybody, and in the end those who still sit at tables."""
        for at, guest in enumerate(self._guests):
            if time.monotonic() > deadline:
                _count(self.haul.refusals, "not sent in time", len(self._guests) - at)
                break
            with self._counted():
                if isinstance(guest, AtTable):
                    self._sit_down(guest)
                else:
                    self._at_counter(guest)
        while self._dining:
            with self._counted():
                self._leave()
        self._link.close()

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        try:
            yield
        except NotDoneError as refused:
            _count(self.haul.refusals, str(refused))

    def _at_counter(self, guest: AtCounter) -> None:
        sale = guest.sale
        if member_id := self._recognise(guest):
            asked = json.loads(sale)
            by_points = [{"kind": "points", "amount_fen": guest.points_fen}] if guest.points_fen else []
            sale = json.dumps({**asked, "member_id": member_id, "tenders": by_points + asked["tenders"]}).encode()
        self._ask(SELL, "POST", SALES_PATH, sale, CREATED)
        if guest.refund:
            self._ask("refund", "POST", "/api/v1/refunds", guest.refund, CREATED)
        self._paid(guest)

    def _sit_down(self, guest: AtTable) -> None:
        if not self._free:
            self._leave()
        self._ask(READ, "GET", ORDERS_PATH)
        member_id = self._recognise(guest)
        table = self._free.popleft()
        self._dining.append((guest, table, member_id))
        self._ask("open", "POST", ORDERS_PATH, json.dumps({**guest.opening, "table": table}).encode(), CREATED)
        if member_id:
            seen = {"request_id": guest.seen_id, "member_id": member_id, "by": "phone", "order_id": guest.order_id}
            self._ask("seen", "POST", f"{MEMBERS_PATH}/seen", json.dumps(seen).encode(), CREATED)

    def _recognise(self, guest: Guest) -> str:
        """Find a member by their number, as a till does; empty for a guest who is none."""
        if guest.member < 0:
            return ""
        said = json.dumps({"text": phone_of(guest.member)}).encode()
        found = self._ask(FIND, "POST", f"{MEMBERS_PATH}/find", said)["members"]
        if not found:
            raise NotDoneError("find: nobody")
        return str(found[0]["member_id"])

    def _leave(self) -> None:
        """Let the guests who sat longest order once more, and pay."""
        guest, table, member_id = self._dining.popleft()
        self._free.append(table)
        path = f"{ORDERS_PATH}/{guest.order_id}"
        for steps in guest.later:
            self._ask("steps", "POST", f"{path}/steps", steps)
        self._ask(READ, "GET", path)
        parts = [[{"line_id": line_id} for line_id in guest.first_part], []] if guest.first_part else [[]]
        for sale_id, lines in zip(guest.sale_ids, parts, strict=True):
            if lines:
                bill = self._ask(READ, "POST", f"{path}/bill", json.dumps({"lines": lines}).encode())
            else:
                bill = self._ask(READ, "GET", f"{path}/bill")
            pay = {"sale_id": sale_id, "lines": lines, "tenders": _tenders(guest, bill), "due_fen": bill["total_fen"]}
            pay |= {"member_id": member_id} if member_id else {}
            self._ask(PAY, "POST", f"{path}/pay", json.dumps(pay).encode(), CREATED)
        self._paid(guest)

    def _paid(self, guest: Guest) -> None:
        self.haul.orders += 1
        self.haul.slips += guest.slips

    def _ask(self, kind: str, method: str, path: str, body: bytes | None = None, wanted: int = OK) -> dict[str, Any]:
        begun = time.perf_counter()
        try:
            self._link.request(method, path, body=body, headers=self._headers)
            answer = self._link.getresponse()
            told = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._link.close()
            raise NotDoneError(f"{kind}: {type(error).__name__}") from error
        if answer.status != wanted:
            raise NotDoneError(f"{kind}: {answer.status} {_code(told)}")
        self.haul.took_ms.setdefault(kind, []).append((time.perf_counter() - begun) * 1000)
        found: dict[str, Any] = json.loads(told)
        return found


def _tenders(guest: AtTable, bill: dict[str, Any]) -> list[dict[str, Any]]:
    cash = {"kind": "cash", "received_fen": -(-bill["cash_fen"] // NOTE_FEN) * NOTE_FEN}
    if not guest.by_card or bill["left_fen"] < NOTE_FEN:
        return [cash]
    return [{"kind": "card", "amount_fen": bill["left_fen"] // 2, "reference": "T1"}, cash]


def _count(refusals: dict[str, int], kind: str, times: int = 1) -> None:
    refusals[kind] = refusals.get(kind, 0) + times


def _code(told: bytes) -> str:
    try:
        return str(json.loads(told)["code"])
    except (ValueError, KeyError, TypeError):
        return "no code"


if __name__ == "__main__":
    # Under its own name: what it tells is read there.
    from scripts import bench_load

    bench_load.run_till()
