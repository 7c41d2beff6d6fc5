"""A bill file is read line by line, and held against ours one to one."""

from hypothesis import given
from hypothesis import strategies as st

from edge.domain import bill_file
from edge.domain.bill_file import BillFault, BillRow, OursRow

HEAD = ",".join(bill_file.COLUMNS)


def pay(name: str, fen: int) -> BillRow:
    return BillRow("pay", name, "", "wechat", "R", fen, "2026-09-21 12:00:00")


def test_what_is_written_is_read_back():
    rows = [
        pay("a" * 32, 100),
        BillRow("refund", "a", "a-0", "wechat", 'R,"x"', 50, "t"),
        BillRow("static", "", "", "", "", 7, ""),
    ]
    assert bill_file.read(bill_file.write(rows)) == (rows, [])
    assert bill_file.read("\ufeff" + bill_file.write(rows)) == (rows, [])


def test_lines_that_cannot_be_read_are_named_and_the_others_count():
    lines = ["pay,a,,w,R,100,t", "pay,a,,w,R,1.5,t", "pay,,,w,R,1,t", "gold,a,,w,R,1,t", "pay,a", "", "pay,b,,w,R,0,t"]
    text = "\n".join([HEAD, *lines, "refund,a,,w,R,5,t", "pay,c,,w,R,7,t"])
    rows, faults = bill_file.read(text)
    assert [row.payment_id for row in rows] == ["a", "c"]
    assert faults == [BillFault(3, "amount"), BillFault(4, "id"), BillFault(5, "kind"), BillFault(6, "columns"), BillFault(8, "amount"),
                      BillFault(9, "id")]  # fmt: skip
    assert bill_file.read("x,y\n") == ([], [BillFault(1, "heading")])
    assert bill_file.read("") == ([], [BillFault(1, "heading")])


@given(st.text(max_size=300))
def test_no_text_breaks_the_reading(text):
    bill_file.read(text)
    bill_file.read(f"{HEAD}\n{text}")


def test_a_payment_that_stands_twice_in_the_file_is_missing_here_once():
    found = bill_file.reconcile("d", [pay("a", 100), pay("a", 100)], [OursRow("pay", "a", 100)], {})
    assert [(each.what, each.id) for each in found.differences] == [("missing_here", "a")]


FENS = st.lists(st.integers(1, 5), max_size=8)


@given(ours=FENS, theirs=FENS)
def test_static_codes_are_matched_one_to_one(ours, theirs):
    mine = [OursRow("static", str(at), fen) for at, fen in enumerate(ours)]
    yours = [BillRow("static", "", "", "", "", fen, "") for fen in theirs]
    found = bill_file.reconcile("d", yours, mine, {})
    both = sum(min(ours.count(fen), theirs.count(fen)) for fen in set(ours))
    assert found.static_matched == both
    assert len(found.differences) == len(ours) + len(theirs) - 2 * both
    assert found.static_fen + sum(each.ours_fen for each in found.differences) == sum(ours)


@given(
    ours=st.dictionaries(st.integers(0, 9), st.integers(1, 3)),
    theirs=st.dictionaries(st.integers(0, 9), st.integers(1, 3)),
)
def test_every_fen_of_either_side_is_matched_or_named(ours, theirs):
    mine = [OursRow("pay", f"p{at}", fen) for at, fen in ours.items()]
    found = bill_file.reconcile("d", [pay(f"p{at}", fen) for at, fen in theirs.items()], mine, {})
    assert found.matched_fen + sum(each.ours_fen for each in found.differences) == sum(ours.values())
    assert found.matched_fen + sum(each.theirs_fen for each in found.differences) == sum(theirs.values())
    assert found.ok == (ours == theirs)
