"""What a store pulls and when; how the hub judges a batch."""

import msgspec
import pytest

from sync.contract import facts
from sync.contract.facts import ContractError, Fact
from sync.contract.messages import LaneCheckpoint
from sync.engine.downlink import PULL_TIMEOUT_MS, Downlink, SendPull
from sync.engine.receiver import Duplicate, Fork, Gap, Rules, Take, check_fact, judge_chain, judge_place

# Downlink


def test_nothing_is_pulled_that_is_not_newer():
    downlink = Downlink(("stores",))
    downlink.held("stores", 5)
    assert downlink.heard({"stores": 5}, 0) == []
    assert downlink.heard({"stores": 4}, 1) == []
    assert downlink.tick(1_000_000) == []


def test_what_is_newer_is_pulled_once_and_again_when_no_answer_comes():
    downlink = Downlink(("stores",))
    assert downlink.heard({"stores": 3}, 0) == [SendPull("stores", 0)]
    assert downlink.heard({"stores": 4}, 10) == []
    assert downlink.tick(PULL_TIMEOUT_MS - 1) == []
    assert downlink.tick(PULL_TIMEOUT_MS) == [SendPull("stores", 0)]
    downlink.held("stores", 2)
    assert downlink.tick(PULL_TIMEOUT_MS + 1) == [SendPull("stores", 2)]
    downlink.held("stores", 4)
    assert downlink.tick(PULL_TIMEOUT_MS + 2) == []


def test_a_stream_that_was_emptied_is_pulled_from_the_start():
    downlink = Downlink(("stores",))
    downlink.held("stores", 7)
    downlink.heard({"stores": 9}, 0)
    downlink.held("stores", 0)
    assert downlink.tick(1) == [SendPull("stores", 0)]


def test_a_welcome_has_each_stream_checked_once_even_when_it_names_nothing_newer():
    downlink = Downlink(("stores",))
    downlink.held("stores", 5)
    assert downlink.opened({"stores": 5, "menu": 1}, 0) == [SendPull("stores", 5)]
    downlink.held("stores", 5)
    assert downlink.tick(PULL_TIMEOUT_MS - 1) == [], "an answer to something else proves nothing, and is no hurry"
    assert downlink.tick(PULL_TIMEOUT_MS) == [SendPull("stores", 5)]
    downlink.held("stores", 5, checked=True)
    assert downlink.tick(10 * PULL_TIMEOUT_MS) == []


def test_a_restored_hubs_lower_word_is_taken_at_its_welcome():
    downlink = Downlink(("stores",))
    downlink.held("stores", 7)
    assert downlink.opened({"stores": 4}, 0) == [SendPull("stores", 7)]
    downlink.held("stores", 0)
    assert downlink.tick(1) == [SendPull("stores", 0)]
    downlink.held("stores", 4, checked=True)
    assert downlink.tick(10 * PULL_TIMEOUT_MS) == []


def test_an_answer_without_news_is_not_asked_for_again_at_once():
    downlink = Downlink(("stores",))
    downlink.held("stores", 4)
    assert downlink.heard({"stores": 9}, 0) == [SendPull("stores", 4)]
    downlink.held("stores", 4, checked=True)
    assert downlink.tick(1) == []
    assert downlink.tick(PULL_TIMEOUT_MS) == [SendPull("stores", 4)]


def test_a_link_that_went_down_will_not_answer():
    downlink = Downlink(("stores",))
    downlink.heard({"stores": 1}, 0)
    downlink.link_down()
    assert downlink.tick(1) == [SendPull("stores", 0)]


def test_a_stream_that_is_not_followed_is_no_news():
    downlink = Downlink(("stores",))
    assert downlink.heard({"menu": 9}, 0) == []


def test_each_stream_is_followed_alone():
    downlink = Downlink(("stores", "menu"))
    assert downlink.heard({"stores": 1, "menu": 1}, 0) == [SendPull("stores", 0), SendPull("menu", 0)]
    downlink.held("menu", 1)
    assert downlink.tick(PULL_TIMEOUT_MS) == [SendPull("stores", 0)]


# Receiver

ALL_ON = Rules()
START = facts.genesis("s1", 1, 0)
RAWS = [b"fact %d" % number for number in range(1, 11)]


def chain_at(seq: int) -> bytes:
    chain = START
    for raw in RAWS[:seq]:
        chain = facts.link(chain, raw)
    return chain


def held(seq: int) -> LaneCheckpoint:
    return LaneCheckpoint(seq, chain_at(seq))


@pytest.mark.parametrize(
    ("first", "count", "at", "judged"),
    [
        (1, 3, 0, 0),
        (4, 3, 3, 0),
        (2, 4, 3, 2),
        (1, 3, 3, Duplicate()),
        (2, 2, 5, Duplicate()),
        (1, 0, 0, Duplicate()),
        (5, 3, 3, Gap(4)),
        (2, 1, 0, Gap(1)),
    ],
)
def test_a_batch_is_judged_by_its_numbers(first, count, at, judged):
    assert judge_place(first, count, held(at), ALL_ON) == judged


def test_each_guard_of_the_numbers_is_what_refuses():
    """The negative controls: with a guard off, what it refuses gets through."""
    assert judge_place(1, 3, held(3), Rules(dedupe=False)) == 0
    assert judge_place(2, 4, held(3), Rules(dedupe=False)) == 0
    assert judge_place(5, 3, held(3), Rules(contiguous=False)) == 0


@pytest.mark.parametrize(("first", "last", "at"), [(1, 3, 0), (4, 6, 3), (2, 6, 4), (1, 10, 9)])
def test_a_batch_that_continues_the_history_is_taken_from_what_is_new(first, last, at):
    skip = at + 1 - first
    judged = judge_chain(RAWS[first - 1 : last], skip, chain_at(first - 1), chain_at(last), held(at))
    assert judged == Take(skip, held(last), tuple(chain_at(seq) for seq in range(first + skip, last + 1)))


def test_another_history_below_the_checkpoint_is_a_fork():
    other = [b"another", *RAWS[1:4]]
    chain = START
    for raw in other:
        chain = facts.link(chain, raw)
    assert judge_chain(other, 3, START, chain, held(3)) == Fork(3)
    assert judge_chain(RAWS[3:5], 0, b"x" * 32, chain_at(5), held(3)) == Fork(3)


def test_a_batch_that_contradicts_its_own_header_is_refused():
    with pytest.raises(ContractError, match="bad_chain"):
        judge_chain([RAWS[0], b"exchanged"], 0, START, chain_at(2), held(0))
    with pytest.raises(ContractError, match="bad_chain"):
        judge_chain(RAWS[:2], 0, START, chain_at(3), held(0))


def test_a_fact_must_name_the_place_that_it_lies_in():
    fact = Fact(store="s1", epoch=1, lane=0, seq=4, n=9, id="0" * 32, kind="sale.paid", v=1, at_ms=0, hlc="0", day="d")
    raw = facts.encode(fact)
    assert check_fact(raw, store="s1", epoch=1, lane=0, seq=4) == msgspec.structs.replace(fact)
    for store, epoch, lane, seq in (("s2", 1, 0, 4), ("s1", 2, 0, 4), ("s1", 1, 1, 4), ("s1", 1, 0, 5)):
        with pytest.raises(ContractError):
            check_fact(raw, store=store, epoch=epoch, lane=lane, seq=seq)
    with pytest.raises(ContractError):
        check_fact(b"{}", store="s1", epoch=1, lane=0, seq=4)
