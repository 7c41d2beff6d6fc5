"""A takeaway platform that is shipped with the product: for trials, for teaching, and for everything that is proved about platforms.

It keeps every promise of the port and has a menu of faults. It is another party: what was ordered there stands in its own file, which a
killed node does not take along. A guest orders by `place`; the node hears of it by `news`. `edge.web.platform_fake` serves it over HTTP.
"""

import threading
from pathlib import Path
from typing import Annotated, Any

import msgspec

from edge.domain.intake import AWAY, Answer, News, Outcome, Placed, PlacedItem, Tell
from sync.contract import limits

PREFIX = "MT"
"""How its numbers begin."""


class Faults(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What goes wrong at the fake platform.

    Attributes:
        away: nothing reaches it.
        lose_answers: so many answers get lost on the way back; what was asked is done all the same.
        refuse: it refuses whatever it is told of orders.
    """

    away: bool = False
    lose_answers: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 0
    refuse: bool = False


class Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a guest orders; the platform adds it up and numbers it."""

    items: Annotated[tuple[PlacedItem, ...], msgspec.Meta(min_length=1, max_length=100)]
    packing_fen: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 0
    discount_fen: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 0
    note: Annotated[str, msgspec.Meta(max_length=limits.NOTE_CHARS_MAX)] = ""
    placed_ms: int = 0


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """An order as the platform has it: `new`, `accepted`, `declined`, `ready`, `cancelled` (by the store), `off` (by the guest)."""

    platform_no: str
    state: str
    total_fen: int
    reason: str = ""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """All of the platform, for who looks at it; `owed_fen` is what it owes the store for orders that stand."""

    orders: tuple[Line, ...]
    sold_out: tuple[str, ...]
    owed_fen: int


_NEXT: dict[Tell, tuple[set[str], str]] = {
    Tell.ACCEPT: ({"new", "accepted", "ready"}, "accepted"),
    Tell.DECLINE: ({"new", "declined"}, "declined"),
    Tell.READY: ({"accepted", "ready"}, "ready"),
    Tell.CANCEL: ({"accepted", "ready", "cancelled"}, "cancelled"),
}
"""From which states an order goes on, and to which."""


class FakePlatform:
    """The platform; thread-safe.

    Args:
        file: where it keeps what was ordered; None = in memory.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._news: list[News] = []
        self._lines: dict[str, Line] = {}
        self._sold_out: set[str] = set()
        self._faults = Faults()
        if file is not None and file.exists():
            self._load(file)

    @property
    def faults(self) -> Faults:
        """What goes wrong now."""
        return self._faults

    def put_faults(self, faults: Faults) -> None:
        """Switch faults."""
        with self._lock:
            self._faults = faults

    # -------------------------------------------------------------------------------------------------- the guest's side
    def place(self, wish: Wish) -> str:
        """Let a guest order; gives the number. A dish that the store said is sold out cannot be ordered: then it is empty."""
        with self._lock:
            if any(item.dish_id in self._sold_out for item in wish.items):
                return ""
            number = f"{PREFIX}{len(self._lines) + 1:06d}"
            total_fen = sum(item.qty * item.unit_fen for item in wish.items) + wish.packing_fen - wish.discount_fen
            placed = Placed(
                platform_no=number,
                items=wish.items,
                total_fen=total_fen,
                packing_fen=wish.packing_fen,
                discount_fen=wish.discount_fen,
                note=wish.note,
                placed_ms=wish.placed_ms,
            )
            self._lines[number] = Line(platform_no=number, state="new", total_fen=total_fen)
            self._tell_node(News(n=len(self._news) + 1, order=placed))
            self._keep(line=self._lines[number])
            return number

    def guest_cancels(self, platform_no: str, reason: str = "") -> bool:
        """Let the guest cancel; False where there is nothing to cancel any more."""
        with self._lock:
            line = self._lines.get(platform_no)
            if line is None or line.state not in ("new", "accepted", "ready"):
                return False
            self._become(line, "off", reason)
            self._tell_node(News(n=len(self._news) + 1, off_no=platform_no, reason=reason))
            return True

    def seen(self) -> Seen:
        """Give all of it."""
        with self._lock:
            lines = tuple(self._lines.values())
            owed_fen = sum(line.total_fen for line in lines if line.state in ("accepted", "ready"))
            return Seen(orders=lines, sold_out=tuple(sorted(self._sold_out)), owed_fen=owed_fen)

    # -------------------------------------------------------------------------------------------------- the store's side
    def news(self, after: int) -> list[News] | None:
        """Give what is new; see the port."""
        with self._lock:
            return None if self._faults.away else self._news[after:]

    def tell(self, what: Tell, platform_no: str, reason: str = "") -> Answer:
        """Hear what became of an order; see the port."""
        with self._lock:
            if self._faults.away:
                return AWAY
            line = self._lines.get(platform_no)
            if line is None or self._faults.refuse:
                return self._answered(Answer(Outcome.REFUSED, "no_such_order" if line is None else "closed"))
            before, after = _NEXT[what]
            if line.state not in before:
                return self._answered(Answer(Outcome.REFUSED, line.state))
            if not (what is Tell.ACCEPT and line.state == "ready"):
                self._become(line, after, reason)
            return self._answered(Answer(Outcome.DONE))

    def sold_out(self, dish_id: str, *, sold_out: bool) -> Answer:
        """Hear of a dish; see the port."""
        with self._lock:
            if self._faults.away:
                return AWAY
            if sold_out:
                self._sold_out.add(dish_id)
            else:
                self._sold_out.discard(dish_id)
            self._keep(dish=dish_id, gone=sold_out)
            return self._answered(Answer(Outcome.DONE))

    def _become(self, line: Line, state: str, reason: str) -> None:
        self._lines[line.platform_no] = msgspec.structs.replace(line, state=state, reason=reason)
        self._keep(line=self._lines[line.platform_no])

    def _tell_node(self, news: News) -> None:
        self._news.append(news)
        self._keep(news=news)

    def _answered(self, answer: Answer) -> Answer:
        if self._faults.lose_answers > 0:
            self._faults = msgspec.structs.replace(self._faults, lose_answers=self._faults.lose_answers - 1)
            return AWAY
        return answer

    def _keep(self, **what: object) -> None:
        """Add what is new to the end of the file; the last word counts."""
        if self._file is not None:
            with self._file.open("ab") as file:
                file.write(msgspec.json.encode(what) + b"\n")

    def _load(self, file: Path) -> None:
        raw = file.read_bytes()
        for each in raw.splitlines():
            try:
                said: dict[str, Any] = msgspec.json.decode(each)
            except msgspec.DecodeError:
                # The last line of a process that was killed while it wrote.
                continue
            if "news" in said:
                self._news.append(msgspec.convert(said["news"], News))
            elif "line" in said:
                line = msgspec.convert(said["line"], Line)
                self._lines[line.platform_no] = line
            elif said["gone"]:
                self._sold_out.add(said["dish"])
            else:
                self._sold_out.discard(said["dish"])
        if raw and not raw.endswith(b"\n"):
            with file.open("ab") as end:
                end.write(b"\n")
