"""The store's side of the up lanes, event by event."""

import msgspec
import pytest

from sync.contract.limits import BATCH_FACTS_MAX
from sync.contract.messages import Ack, LaneCheckpoint, Reject, Welcome
from sync.engine.uplink import (
    ASKED_AGAIN_MS,
    GAP_QUIET_MS,
    LONG_OUTAGE_MS,
    REFUSED_RETRY_MS,
    RTO_MAX_MS,
    RTO_MIN_MS,
    SILENCE_MS,
    Alarm,
    Effect,
    KeepAck,
    KeepDurable,
    KeepFenced,
    KeepRevoked,
    Pace,
    Phase,
    SendFacts,
    SendHello,
    Uplink,
)

AT_ONCE = Pace(linger_ms=(0, 0))
CHAIN = b"c" * 32


def welcome(trade: int = 0, operations: int = 0, credit: int = 4) -> Welcome:
    lanes = {0: LaneCheckpoint(trade, CHAIN), 1: LaneCheckpoint(operations, CHAIN)}
    return Welcome(nonce=b"n", lanes=lanes, credit=credit, streams={}, hub_ms=0)


def ack(seq: int, *, lane: int = 0, credit: int = 4, gap: int | None = None) -> Ack:
    return Ack(session=b"n", lane=lane, seq=seq, chain=CHAIN, credit=credit, hub_ms=0, gap=gap)


def opened(
    trade: int = 0, operations: int = 0, *, pace: Pace = AT_ONCE, credit: int = 4, now_ms: int = 10_000
) -> tuple[Uplink, list[Effect]]:
    """A session that has just been opened with so many facts waiting; gives the effects of WELCOME too."""
    uplink = Uplink(pace=pace)
    uplink.heads({0: trade, 1: operations}, now_ms)
    uplink.link_up(now_ms)
    return uplink, uplink.welcome(welcome(credit=credit), now_ms)


def sends(effects: list[Effect]) -> list[SendFacts]:
    return [effect for effect in effects if isinstance(effect, SendFacts)]


def send_all(uplink: Uplink, effects: list[Effect], now_ms: int) -> list[SendFacts]:
    """Perform every batch that the window allows."""
    done: list[SendFacts] = []
    todo = sends(effects)
    while todo:
        batch = todo.pop(0)
        done.append(batch)
        todo += sends(uplink.sent(batch.lane, batch.last, now_ms))
    return done


def test_nothing_is_sent_before_the_hub_has_answered():
    uplink = Uplink(pace=AT_ONCE)
    assert uplink.heads({0: 5}, 0) == []
    assert uplink.tick(100_000) == []
    assert uplink.link_up(100_000) == [SendHello()]
    assert uplink.heads({0: 9}, 100_001) == []
    assert uplink.ack(ack(3), 100_002) == []
    assert uplink.phase is Phase.GREETING


def test_a_welcome_opens_the_session_and_keeps_the_hubs_word():
    uplink, effects = opened(trade=3)
    assert effects == [KeepAck(0, 0, CHAIN), KeepAck(1, 0, CHAIN), SendFacts(0, 1, 3)]
    assert uplink.phase is Phase.OPEN


def test_a_welcome_that_nobody_waits_for_is_ignored():
    uplink, _ = opened(trade=3)
    assert uplink.welcome(welcome(trade=99), 10_001) == []
    assert uplink.lanes[0].acked == 0
    assert Uplink().welcome(welcome(), 0) == []


def test_a_lane_that_the_hub_does_not_name_starts_where_it_was():
    uplink = Uplink(pace=AT_ONCE)
    uplink.heads({0: 1, 1: 2}, 0)
    uplink.link_up(0)
    effects = uplink.welcome(Welcome(nonce=b"", lanes={}, credit=4, streams={}, hub_ms=0), 0)
    assert effects == [SendFacts(0, 1, 1)]


# The greeting


def away_for(outage_ms: int) -> tuple[Uplink, int]:
    """A store whose hub was last heard so long ago."""
    uplink = Uplink(pace=Pace(hello_delay_ms=500))
    uplink.link_up(0)
    uplink.welcome(welcome(), 10)
    uplink.link_down()
    return uplink, 10 + outage_ms


def test_case_9_after_a_long_outage_the_greeting_waits_for_its_place_among_the_stores():
    uplink, now_ms = away_for(LONG_OUTAGE_MS)
    assert uplink.link_up(now_ms) == []
    assert uplink.tick(now_ms + 499) == []
    assert uplink.tick(now_ms + 500) == [SendHello()]


def test_case_9_after_a_short_outage_and_at_the_first_start_nobody_waits():
    uplink, now_ms = away_for(LONG_OUTAGE_MS - 1)
    assert uplink.link_up(now_ms) == [SendHello()]
    assert Uplink(pace=Pace(hello_delay_ms=500)).link_up(0) == [SendHello()]


def test_case_9_a_doorbell_after_a_long_outage_does_not_make_everybody_greet_at_once():
    uplink, now_ms = away_for(0)
    uplink.link_up(now_ms)
    for _ in range(8):
        uplink.tick(now_ms)
        now_ms += uplink.rto_ms
    later = now_ms + LONG_OUTAGE_MS
    uplink.tick(later)
    assert uplink.rang(later + 1) == []
    assert uplink.tick(later + 501) == [SendHello()]


def test_case_9_with_credit_0_nothing_is_sent_until_an_ack_says_otherwise():
    uplink, effects = opened(trade=600, credit=0)
    assert sends(effects) == []
    assert sends(uplink.ack(ack(0, credit=0), 11_000)) == []
    assert uplink.tick(16_000) == []
    assert sends(uplink.ack(ack(0, credit=4), 17_000)) == [SendFacts(0, 1, BATCH_FACTS_MAX)]


def test_case_9_an_ack_with_credit_0_says_when_to_ask_again():
    uplink, _ = opened(trade=600, credit=0)
    uplink.ack(msgspec.structs.replace(ack(0, credit=0), retry_after_ms=1_000), 11_000)
    assert (uplink.credit, uplink.retry_after_ms) == (0, 1_000)
    uplink.ack(ack(0, credit=4), 12_000)
    assert uplink.retry_after_ms == 0


def test_case_10_a_replaced_epoch_is_kept_once_and_its_facts_still_go_up():
    uplink = Uplink(pace=AT_ONCE)
    uplink.heads({0: 3, 1: 0}, 0)
    uplink.link_up(0)
    effects = uplink.welcome(msgspec.structs.replace(welcome(), fenced=True), 10)
    assert effects.count(KeepFenced()) == 1
    assert sends(effects) == [SendFacts(0, 1, 3)]
    assert uplink.fenced
    uplink.session_lost(20)
    assert KeepFenced() not in uplink.welcome(msgspec.structs.replace(welcome(), fenced=True), 30)


def test_what_a_backup_of_the_hub_covers_is_kept_when_it_changes():
    uplink, _ = opened(trade=3)
    covered = msgspec.structs.replace(ack(3), durable_seq=2)
    assert KeepDurable(0, 2) in uplink.ack(covered, 11_000)
    assert KeepDurable(0, 2) not in uplink.ack(covered, 12_000)
    assert KeepDurable(0, 1) in uplink.ack(msgspec.structs.replace(ack(3), durable_seq=1), 13_000), (
        "the hub was set back"
    )


def test_a_lost_hello_or_welcome_is_repeated_more_and_more_rarely():
    uplink = Uplink()
    assert uplink.link_up(0) == [SendHello()]
    at, waits = 0, []
    for _ in range(8):
        passed = 0
        while not uplink.tick(at + passed):
            passed += 500
        at += passed
        waits.append(passed)
    assert waits == [2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]
    assert uplink.rto_ms == RTO_MAX_MS


def test_a_new_link_greets_at_the_first_pace_again():
    uplink = Uplink()
    uplink.link_up(0)
    for at in (2_000, 6_000, 14_000):
        assert uplink.tick(at) == [SendHello()]
    uplink.link_down()
    assert uplink.tick(100_000) == []
    uplink.link_up(100_000)
    assert uplink.tick(100_000 + RTO_MIN_MS) == [SendHello()]


def test_a_rejection_is_an_alarm_and_is_tried_again_later():
    uplink, _ = opened(trade=3)
    uplink.sent(0, 3, 10_000)
    assert uplink.reject(Reject(nonce=b"n", reason="fenced", hub_ms=0), 11_000) == [Alarm("fenced")]
    assert (uplink.phase, uplink.refusal) == (Phase.REFUSED, "fenced")
    assert uplink.heads({0: 9}, 11_001) == []
    assert uplink.ack(ack(3), 11_002) == []
    assert uplink.tick(11_000 + REFUSED_RETRY_MS - 1) == []
    assert uplink.tick(11_000 + REFUSED_RETRY_MS) == [SendHello()]
    effects = uplink.welcome(welcome(), 50_000)
    assert sends(effects) == [SendFacts(0, 1, 9)]
    assert uplink.refusal == ""


def test_case_10_a_refusal_may_say_besides_that_the_epoch_was_replaced():
    uplink = Uplink(pace=AT_ONCE)
    uplink.link_up(0)
    said = Reject(nonce=b"n", reason="fork", hub_ms=0, fenced=True)
    assert uplink.reject(said, 10) == [KeepFenced(), Alarm("fork")]
    assert uplink.reject(said, 20) == [Alarm("fork")], "once"
    assert uplink.fenced


def test_case_11_a_revocation_is_kept_and_then_said_to_have_been_heard_once():
    uplink = Uplink(pace=AT_ONCE)
    uplink.link_up(0)
    said = Reject(nonce=b"n", reason="revoked", hub_ms=0)
    assert uplink.reject(said, 10) == [Alarm("revoked"), KeepRevoked(), SendHello()]
    assert uplink.reject(said, 20) == [Alarm("revoked")]
    assert uplink.tick(20 + REFUSED_RETRY_MS) == [SendHello()]
    assert uplink.reject(msgspec.structs.replace(said, reason="fork"), 60_000) == [Alarm("fork")]


def asked_in_vain(uplink: Uplink, from_ms: int, until_ms: int) -> None:
    for at_ms in range(from_ms, until_ms, 500):
        uplink.tick(at_ms)


def test_case_12_a_hello_that_nobody_answers_is_silence_until_somebody_does():
    uplink = Uplink(pace=AT_ONCE)
    assert not uplink.is_unanswered(SILENCE_MS), "the broker is not reached: that is something else"
    uplink.link_up(0)
    asked_in_vain(uplink, 0, SILENCE_MS)
    assert not uplink.is_unanswered(SILENCE_MS - 1)
    assert uplink.is_unanswered(SILENCE_MS)
    uplink.link_down()
    assert not uplink.is_unanswered(SILENCE_MS)
    uplink.link_up(SILENCE_MS + 1_000)
    assert uplink.is_unanswered(SILENCE_MS + 1_000), "a line that was dialled anew is no answer"
    uplink.welcome(welcome(), SILENCE_MS + 2_000)
    assert not uplink.is_unanswered(10 * SILENCE_MS)


def test_case_12_after_a_long_cut_the_silence_counts_from_anew():
    uplink = Uplink(pace=AT_ONCE)
    uplink.link_up(0)
    uplink.link_down()
    uplink.link_up(ASKED_AGAIN_MS + 1)
    assert not uplink.is_unanswered(ASKED_AGAIN_MS + 1)


def test_case_12_a_refusal_is_an_answer():
    uplink = Uplink(pace=AT_ONCE)
    uplink.link_up(0)
    uplink.reject(Reject(nonce=b"n", reason="upgrade", hub_ms=0), 10)
    assert not uplink.is_unanswered(SILENCE_MS + 10)
    asked_in_vain(uplink, REFUSED_RETRY_MS + 10, REFUSED_RETRY_MS + SILENCE_MS + 10)
    assert uplink.is_unanswered(REFUSED_RETRY_MS + SILENCE_MS + 10)


def test_case_12_a_doorbell_in_the_silence_says_that_the_hub_is_there_once_it_had_time_to_answer():
    uplink = Uplink(pace=AT_ONCE)
    uplink.link_up(0)
    uplink.rang(1_000)
    asked_in_vain(uplink, 1_000, 30_000)
    assert not uplink.is_ignored(30_000), "it rang before it could answer"
    uplink.rang(30_000)
    assert not uplink.is_ignored(30_000), "a hub that has just come back answers in a moment"
    asked_in_vain(uplink, 30_000, 30_000 + SILENCE_MS)
    assert uplink.is_ignored(30_000 + SILENCE_MS)
    uplink.welcome(welcome(), 60_000)
    assert not uplink.is_ignored(90_000)


# Batches


def test_trade_goes_first_and_operations_follow_when_all_of_it_is_on_its_way():
    uplink, effects = opened(trade=2, operations=3)
    assert send_all(uplink, effects, 10_000) == [SendFacts(0, 1, 2), SendFacts(1, 1, 3)]


def test_operations_wait_while_trade_lingers():
    uplink, effects = opened(pace=Pace(linger_ms=(250, 0)))
    assert sends(effects) == []
    assert uplink.heads({0: 1, 1: 5}, 20_000) == []
    assert uplink.tick(20_249) == []
    assert send_all(uplink, uplink.tick(20_250), 20_250) == [SendFacts(0, 1, 1), SendFacts(1, 1, 5)]


def test_a_full_batch_does_not_linger():
    uplink, _ = opened(pace=Pace(linger_ms=(250, 2_000)))
    assert uplink.heads({0: BATCH_FACTS_MAX - 1}, 20_000) == []
    assert uplink.heads({0: BATCH_FACTS_MAX}, 20_001) == [SendFacts(0, 1, BATCH_FACTS_MAX)]


def test_facts_linger_from_the_first_that_waits():
    uplink, _ = opened(pace=Pace(linger_ms=(250, 2_000)))
    uplink.heads({0: 1}, 20_000)
    assert uplink.heads({0: 2}, 20_200) == []
    assert uplink.tick(20_250) == [SendFacts(0, 1, 2)]


def test_a_batch_that_was_cut_shorter_is_followed_by_the_rest():
    uplink, _ = opened(pace=Pace(linger_ms=(250, 2_000)))
    uplink.heads({0: 100}, 20_000)
    assert uplink.tick(20_250) == [SendFacts(0, 1, 100)]
    assert uplink.sent(0, 30, 20_250) == [SendFacts(0, 31, 100)], "the rest has lingered already"
    assert uplink.sent(0, 100, 20_250) == []
    assert uplink.heads({0: 101}, 20_300) == [], "a fact of its own lingers again"


def test_what_could_not_be_published_is_asked_for_again():
    uplink, effects = opened(trade=5)
    assert sends(effects) == [SendFacts(0, 1, 5)]
    assert uplink.tick(10_050) == [SendFacts(0, 1, 5)]


def test_no_more_batches_are_out_than_the_hub_gives_credit_for():
    uplink, effects = opened(trade=5_000, credit=3)
    out = send_all(uplink, effects, 10_000)
    assert [batch.first for batch in out] == [1, 251, 501]
    assert uplink.tick(10_001) == []
    effects = uplink.ack(ack(250, credit=3), 10_050)
    assert send_all(uplink, effects, 10_050) == [SendFacts(0, 751, 1_000)]


def test_a_hub_that_gives_no_credit_is_left_alone_until_it_does():
    uplink, effects = opened(trade=5, credit=0)
    assert sends(effects) == []
    assert uplink.tick(20_000) == []
    assert sends(uplink.ack(ack(0, credit=1), 20_001)) == [SendFacts(0, 1, 5)]


# Acks


def test_an_ack_is_kept_and_never_goes_back():
    uplink, effects = opened(trade=10)
    send_all(uplink, effects, 10_000)
    assert uplink.ack(ack(7), 10_040) == [KeepAck(0, 7, CHAIN)]
    assert uplink.ack(ack(4), 10_050) == []
    assert uplink.ack(ack(7), 10_060) == []
    assert uplink.lanes[0].acked == 7
    assert uplink.waiting == {0: 3, 1: 0}
    assert uplink.ack(ack(10), 10_070) == [KeepAck(0, 10, CHAIN)]
    assert uplink.waiting == {0: 0, 1: 0}


def test_an_ack_for_a_lane_that_is_not_there_is_ignored():
    uplink, _ = opened(trade=1)
    assert uplink.ack(ack(1, lane=7), 10_001) == []


def test_case_1_a_lost_batch_is_found_by_the_gap_of_the_next_one():
    uplink, effects = opened(trade=500)
    assert len(send_all(uplink, effects, 10_000)) == 2
    assert sends(uplink.ack(ack(0, gap=1), 10_030)) == [SendFacts(0, 1, 250)]


def test_every_batch_behind_a_hole_names_the_same_gap_and_one_rewind_serves_them_all():
    uplink, effects = opened(trade=1_000)
    assert len(send_all(uplink, effects, 10_000)) == 4
    first = send_all(uplink, uplink.ack(ack(0, gap=1), 10_030), 10_030)
    assert [batch.first for batch in first] == [1, 251, 501, 751]
    for at in (10_031, 10_032):
        assert uplink.ack(ack(0, gap=1), at) == []
    again = uplink.ack(ack(0, gap=1), 10_030 + GAP_QUIET_MS)
    assert sends(again) == [SendFacts(0, 1, 250)]


def test_a_gap_that_is_not_right_behind_the_ack_is_an_old_message():
    uplink, effects = opened(trade=500)
    send_all(uplink, effects, 10_000)
    uplink.ack(ack(250), 10_030)
    assert uplink.ack(ack(0, gap=1), 10_040) == []
    assert uplink.ack(ack(250, gap=400), 10_041) == []


def test_a_gap_for_what_was_never_sent_rewinds_nothing():
    uplink, effects = opened(trade=0)
    assert sends(effects) == []
    assert uplink.ack(ack(0, gap=1), 10_040) == []


def test_case_1_the_last_batch_lost_is_found_by_the_time_out():
    uplink, effects = opened(trade=3)
    send_all(uplink, effects, 10_000)
    assert uplink.tick(10_000 + RTO_MIN_MS - 1) == []
    assert uplink.tick(10_000 + RTO_MIN_MS) == [SendFacts(0, 1, 3)]


def test_case_6_the_second_time_out_in_a_row_greets_again_and_the_pauses_still_grow():
    uplink, effects = opened(trade=3)
    at, waits = 10_000, []
    for turn in range(7):
        send_all(uplink, effects, at)
        passed = 0
        while not (effects := uplink.tick(at + passed)):
            passed += 500
        at += passed
        waits.append(passed)
        assert effects == ([SendFacts(0, 1, 3)] if turn == 0 else [SendHello()])
        if turn > 0:
            effects = uplink.welcome(welcome(), at)
    assert waits == [2_000, 4_000, 8_000, 16_000, 20_000, 20_000, 20_000], "after 20 s of silence in any case"
    send_all(uplink, effects, at)
    uplink.ack(ack(3), at + 40)
    assert uplink.rto_ms == RTO_MIN_MS


def test_a_hub_that_answers_to_an_older_greeting_is_greeted_again():
    """Without that, both ends would stay as they are for ever: the one acknowledges, the other does not listen."""
    uplink, effects = opened(trade=3)
    send_all(uplink, effects, 10_000)
    send_all(uplink, uplink.tick(12_000), 12_000)
    assert uplink.phase is Phase.OPEN
    assert uplink.tick(16_000) == [SendHello()]


def test_case_2_a_lost_ack_is_covered_by_a_later_one():
    uplink, effects = opened(trade=500)
    send_all(uplink, effects, 10_000)
    assert uplink.ack(ack(500), 10_060) == [KeepAck(0, 500, CHAIN)]
    assert uplink.tick(29_000) == []


def test_a_round_trip_that_was_measured_sets_the_time_out_but_a_repeated_batch_measures_nothing():
    uplink, effects = opened(trade=3)
    send_all(uplink, effects, 10_000)
    uplink.ack(ack(3), 11_000)
    assert uplink.rto_ms == 4_000
    send_all(uplink, uplink.heads({0: 6}, 20_000), 20_000)
    send_all(uplink, uplink.tick(24_000), 24_000)
    uplink.ack(ack(6), 24_001)
    assert uplink.rto_ms == 4_000


def test_case_3_an_answer_to_an_older_greeting_finds_the_session_open_and_changes_nothing():
    uplink, effects = opened(trade=3)
    send_all(uplink, effects, 10_000)
    uplink.ack(ack(3), 10_040)
    assert uplink.welcome(welcome(trade=0), 10_050) == []
    assert uplink.lanes[0].acked == 3


def test_case_4_a_hub_that_was_restored_is_sent_everything_from_its_word_on():
    uplink, effects = opened(trade=500)
    send_all(uplink, effects, 10_000)
    uplink.ack(ack(500), 10_040)
    uplink.link_down()
    uplink.link_up(20_000)
    effects = uplink.welcome(welcome(trade=100), 20_050)
    assert effects[0] == KeepAck(0, 100, CHAIN)
    assert send_all(uplink, effects, 20_050) == [SendFacts(0, 101, 350), SendFacts(0, 351, 500)]


def test_case_5_a_hub_that_knows_no_session_is_greeted_again():
    uplink, effects = opened(trade=3)
    send_all(uplink, effects, 10_000)
    assert uplink.session_lost(10_100) == [SendHello()]
    assert uplink.phase is Phase.GREETING
    assert uplink.session_lost(10_101) == []
    assert uplink.ack(ack(3), 10_102) == []
    assert sends(uplink.welcome(welcome(), 10_150)) == [SendFacts(0, 1, 3)]


def test_case_7_a_late_copy_of_the_greeting_is_refused_as_rewind_and_answered_with_a_fresh_one():
    uplink, effects = opened(trade=3)
    send_all(uplink, effects, 10_000)
    rewind = Reject(nonce=b"n", reason="rewind", hub_ms=0)
    assert uplink.reject(rewind, 11_000) == [SendHello()]
    assert (uplink.phase, uplink.refusal) == (Phase.GREETING, "")
    assert uplink.reject(rewind, 11_050) == [Alarm("rewind")], "the answer to the fresh one is the hub's verdict"
    assert uplink.phase is Phase.REFUSED


def test_a_link_that_went_down_forgets_what_was_in_flight():
    uplink, effects = opened(trade=3)
    send_all(uplink, effects, 10_000)
    uplink.link_down()
    assert uplink.phase is Phase.DOWN
    assert uplink.session_lost(10_001) == []
    assert uplink.lanes[0].next == 1


def test_heads_never_go_back():
    uplink, _ = opened(trade=10)
    uplink.heads({0: 4}, 10_001)
    assert uplink.waiting[0] == 10


@pytest.mark.parametrize("lane", [0, 1])
def test_each_lane_is_rewound_alone(lane):
    uplink, effects = opened(trade=3, operations=3)
    send_all(uplink, effects, 10_000)
    assert sends(uplink.ack(ack(0, lane=lane, gap=1), 10_030)) == [SendFacts(lane, 1, 3)]


def test_case_8_a_hub_that_answers_no_heartbeat_is_away_and_one_that_answers_is_not():
    uplink, _ = opened(trade=0)
    uplink.ack(ack(0), 25_000)
    assert uplink.tick(44_999) == []
    assert uplink.tick(45_000) == [SendHello()]
    assert uplink.phase is Phase.GREETING


def test_case_6_answers_of_another_session_are_no_answer_even_where_nothing_is_in_flight():
    uplink, _ = opened(trade=600, credit=0)
    uplink.heard(29_000)  # acks to an older greeting: they are heard, and they are not ours
    assert uplink.tick(29_999) == []
    assert uplink.tick(30_000) == [SendHello()]


def test_case_8_a_doorbell_ends_a_long_pause_between_greetings_and_says_nothing_in_an_open_session():
    uplink = Uplink()
    uplink.link_up(0)
    at = 0
    for _ in range(6):
        at += uplink.rto_ms
        uplink.tick(at)
    assert uplink.rto_ms == RTO_MAX_MS
    assert uplink.tick(at + 1_000) == []
    assert uplink.rang(at + 1_000) == [SendHello()]
    uplink.welcome(welcome(), at + 1_010)
    assert uplink.rang(at + 1_020) == []
