"""Shift and day: the drawer from its float to its Z."""

from typing import Any

from scripts.offline.counter import Counter
from scripts.offline.frame import drives, hold


def expected(counter: Counter, who: str = "manager") -> int:
    """What should lie in the drawer."""
    return int(counter.do("GET", "shift/x", who=who)["expected_fen"])


def counted(fen: int) -> list[dict[str, int]]:
    """Count an amount in coins of a fen that nobody has."""
    notes, rest = divmod(fen, 100)
    return [{"unit_fen": 100, "pieces": notes}, *([{"unit_fen": 10, "pieces": rest // 10}] if rest else [])]


@drives("shift.see")
def see(counter: Counter) -> None:
    """How the shift stands, without a figure of the drawer."""
    state = counter.do("GET", "shift")
    hold(state["till"] == "1" and "expected_fen" not in state, "the shift is shown, blind")


@drives("shift.open")
def open_till(counter: Counter) -> None:
    """The float counts in the drawer."""
    counter.do("POST", "shift/open", {"request_id": counter.id(), "float_fen": 50_000})
    hold(counter.do("GET", "shift/x", who="manager")["float_fen"] == 50_000, "the float is said")  # noqa: PLR2004


def move(counter: Counter, kind: str, by: int) -> None:
    """Take cash in or out with a word; the drawer opens and should hold so much more."""
    before, pulses = expected(counter), counter.paper.pulses
    body = {"move_id": counter.id(), "move": kind, "amount_fen": abs(by), "reason": "market"}
    counter.with_word("POST", "shift/cash", body)
    counter.paper.opens_drawer(pulses)
    hold(expected(counter) == before + by, f"the drawer should hold {by} more")


@drives("shift.pay_in")
def pay_in(counter: Counter) -> None:
    """Change from the bank."""
    move(counter, "pay_in", 20_000)


@drives("shift.pay_out")
def pay_out(counter: Counter) -> None:
    """Ice for the fish."""
    move(counter, "pay_out", -3_000)


@drives("shift.drop")
def drop(counter: Counter) -> None:
    """Too much in the drawer goes to the safe."""
    move(counter, "drop", -10_000)


@drives("shift.drawer")
def drawer(counter: Counter) -> None:
    """A guest wants change for a note."""
    pulses = counter.paper.pulses
    body = {"reason": "change for a note", "request_id": counter.id()}
    counter.with_word("POST", "drawers/drawer/open", body)
    counter.paper.opens_drawer(pulses)


@drives("shift.hand_over")
def hand_over(counter: Counter) -> None:
    """The next cashier goes on without a Z."""
    z = counter.do("GET", "shift")["last_z"]
    body = {"request_id": counter.id(), "to_person": counter.people["supervisor"]}
    hold(counter.do("POST", "shift/hand-over", body)["to_person"] == counter.people["supervisor"], "handed over")
    counter.sell(who="supervisor")
    hold(counter.do("GET", "shift", who="supervisor")["last_z"] == z, "and the shift goes on")


@drives("shift.x")
def read_x(counter: Counter) -> None:
    """The figures of now, on the screen and on paper; they reset nothing."""
    before = counter.do("GET", "shift/x", who="manager")
    sale = counter.sell()
    after = counter.do("GET", "shift/x", who="manager")
    hold(after["expected_fen"] == before["expected_fen"] + sale["total_fen"], "the sale's cash is in it")
    counter.paper.mark()
    counter.do("POST", "shift/x/print", {"request_id": counter.id()}, "manager")
    counter.paper.comes("X")


@drives("shift.count")
def count(counter: Counter) -> None:
    """Who counts says what lies there, and hears only then what should."""
    counter.sell(who="second")
    fen = expected(counter, "second")
    result = count_of(counter, "second", fen)
    hold(result["variance_fen"] == 0 and not result["needs_reason"], f"nothing is missing: {result}")


def count_of(counter: Counter, who: str, fen: int) -> dict[str, Any]:
    """Count a drawer."""
    body = {"request_id": counter.id(), "counted": counted(fen)}
    found: dict[str, Any] = counter.do("POST", "shift/count", body, who)
    return found


def closed(counter: Counter, who: str) -> dict[str, Any]:
    """Sell, count and close at somebody's till."""
    counter.sell(who=who)
    count_of(counter, who, expected(counter, who))
    body = {"request_id": counter.id(), "left_fen": 0, "open_orders_stay": True}
    found: dict[str, Any] = counter.do("POST", "shift/close", body, who)
    return found


@drives("shift.close")
def close(counter: Counter) -> None:
    """The Z has the next number, carries the chain on, and comes out on paper."""
    counter.paper.mark()
    first = closed(counter, "second")
    second = closed(counter, "second")
    hold(second["report"]["z"] == first["report"]["z"] + 1, "Zs are numbered without a gap")
    reports = first["report"], second["report"]
    hold(reports[1]["grand_total_fen"] > reports[0]["grand_total_fen"], "the grand total goes on")
    counter.paper.comes("Z")


@drives("shift.zs")
def zs(counter: Counter) -> None:
    """A Z of before is read again, and printed marked."""
    done = closed(counter, "second")
    listed = counter.do("GET", "shift/z?till=2", who="second")["reports"]
    z = done["report"]["z"]
    hold(z in {one["z"] for one in listed}, "it is on the list")
    place = f"shift/z/2/{done['epoch']}/{z}"
    hold(counter.do("GET", place, who="second")["report"] == done["report"], "and says the same")
    counter.paper.mark()
    counter.do("POST", f"{place}/print", {"request_id": counter.id()}, "second")
    counter.paper.comes("REPRINT")
