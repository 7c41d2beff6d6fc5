"""Signing in: the PIN, the lock-out that neither a restart nor a crowd gets round, and sessions that outlive a restart."""

import threading
from pathlib import Path

import pytest

from edge.domain.refusal import Refused
from edge.services.people import sign_in
from edge.services.people.sign_in import LOCK_FIRST_MS, LOCK_MAX_MS, SESSION_MS, SignedIn
from sync.node.ports import SeededChance
from tests.kit.nodes import AT_TILL_1, PIN, Rig, uuid7_hex
from tests.kit.people import API, CASHIER, MANAGER, SUPERVISOR, client_of, staffed

WRONG = "000001"


@pytest.fixture
def rig(tmp_path: Path):
    with Rig(tmp_path) as made:
        made.add_cashier()
        yield made


def sign(rig: Rig, pin: str = PIN, till: str = "1") -> SignedIn:
    opened = sign_in.sign_in(rig.node, till, pin)
    assert isinstance(opened, SignedIn), opened
    return opened


def refused(rig: Rig, pin: str = WRONG, till: str = "1") -> Refused:
    answer = sign_in.sign_in(rig.node, till, pin)
    assert isinstance(answer, Refused)
    return answer


def test_the_right_pin_opens_a_session_at_that_till(rig):
    opened = sign(rig)
    assert opened.session == AT_TILL_1
    assert sign_in.who(rig.node, opened.token) == AT_TILL_1


def test_the_token_itself_is_not_in_the_file(rig):
    opened = sign(rig)
    rig.db.close()
    held = b"".join(path.read_bytes() for path in rig.folder.glob("node.db*"))
    rig.start()
    assert opened.token.encode() not in held
    assert bytes.fromhex(opened.token) not in held


def test_a_session_outlives_a_restart_and_ends_with_the_shift_or_when_signed_out(rig):
    opened, other = sign(rig), sign(rig, till="2")
    rig.restart()
    assert sign_in.who(rig.node, opened.token) == AT_TILL_1
    sign_in.sign_out(rig.node, opened.token)
    assert sign_in.who(rig.node, opened.token) is None
    for _ in range(SESSION_MS // 240_000):
        rig.clock.advance(240_000)
        assert sign_in.who(rig.node, other.token, at_work=True) is not None
    rig.clock.advance(1)
    assert sign_in.who(rig.node, other.token) is None


@pytest.mark.parametrize("token", [None, "", "x", "0" * 64, "\udcff"])
def test_a_token_that_was_never_given_is_nobody(rig, token):
    assert sign_in.who(rig.node, token) is None


def test_five_wrong_pins_lock_the_till_and_the_right_one_does_not_open_it(rig):
    assert [refused(rig).code for _ in range(4)] == ["wrong_pin"] * 4
    assert refused(rig) == Refused("pin_locked", {"retry_after_s": LOCK_FIRST_MS // 1000})
    assert refused(rig, PIN).code == "pin_locked"
    assert sign(rig, till="2").session.till == "2"
    rig.clock.advance(LOCK_FIRST_MS - 1)
    assert refused(rig, PIN) == Refused("pin_locked", {"retry_after_s": 1})
    rig.clock.advance(1)
    assert sign(rig)


def test_the_lock_survives_a_restart(rig):
    for _ in range(5):
        refused(rig)
    rig.restart()
    assert refused(rig, PIN).code == "pin_locked"


def test_without_what_the_file_remembers_the_lock_would_be_gone(rig):
    """The negative control of the two above."""
    for _ in range(5):
        refused(rig)
    rig.db.write(lambda tx: tx.execute("DELETE FROM pin_tries"))
    assert sign(rig)


def test_each_further_wrong_pin_doubles_the_lock_up_to_its_bound(rig):
    for _ in range(4):
        refused(rig)
    locks = []
    for _ in range(8):
        answer = refused(rig)
        assert answer.code == "pin_locked"
        locks.append(answer.details["retry_after_s"])
        rig.clock.advance(LOCK_MAX_MS)
    assert locks == [30, 60, 120, 240, 480, 900, 900, 900]


def test_a_right_pin_forgets_the_wrong_ones(rig):
    for _ in range(4):
        refused(rig)
    sign(rig)
    assert refused(rig) == Refused("wrong_pin", {"tries_left": 4})


def test_guesses_that_arrive_together_get_no_more_tries_than_one_after_the_other(rig):
    start = threading.Barrier(16)
    answers: list[str] = []

    def guess(number: int) -> None:
        start.wait()
        answers.append(refused(rig, f"{number:06d}").code)

    threads = [threading.Thread(target=guess, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["pin_locked"] * 12 + ["wrong_pin"] * 4
    assert rig.rows("SELECT wrong FROM pin_tries") == [(5,)]


def test_a_clock_that_was_set_back_by_a_day_does_not_lock_a_till_for_a_day(rig):
    for _ in range(5):
        refused(rig)
    rig.clock.step_wall(-86_400_000)
    assert sign(rig)


@pytest.mark.parametrize("till", ["3", "", "1 ", "1\x00"])
def test_a_till_that_is_not_there_is_refused_before_any_pin_is_tried(rig, till):
    assert refused(rig, PIN, till).code == "unknown_till"
    assert rig.rows("SELECT count(*) FROM pin_tries") == [(0,)]


def test_the_first_cashier_gets_a_pin_of_its_own_once_in_a_file_for_its_owner_only(tmp_path):
    with Rig(tmp_path) as rig:
        note = tmp_path / "pin.txt"
        pin = sign_in.first_cashier(rig.node, "A", note)
        assert pin is not None
        assert note.read_text() == f"{pin}\n"
        assert note.stat().st_mode & 0o777 == 0o600
        assert sign_in.first_cashier(rig.node, "B", note) is None
        assert isinstance(sign_in.sign_in(rig.node, "1", pin), SignedIn)
        assert pin not in str(rig.rows("SELECT * FROM credentials"))


def test_no_pin_is_one_that_anybody_tries_first():
    pins = {sign_in.make_pin(SeededChance(str(seed))) for seed in range(200)}
    assert len(pins) > 195
    assert all(len(pin) == 6 and pin.isdigit() for pin in pins)
    assert not pins & sign_in.EASY_PINS


def test_an_easy_pin_is_drawn_again():
    class Loaded(SeededChance):
        def token(self, size):
            return first.pop(0) if first else super().token(size)

    first = [(123_456).to_bytes(8, "big"), (777_777).to_bytes(8, "big")]
    assert sign_in.make_pin(Loaded("x")) not in sign_in.EASY_PINS
    assert first == []


def test_a_session_ends_with_the_shift_at_once_when_it_is_handed_over_and_a_minute_after_its_z(tmp_path: Path):
    with Rig(tmp_path) as rig:
        staffed(rig)
        giver, other = client_of(rig, CASHIER), client_of(rig, SUPERVISOR, "2")
        handed = giver.post(
            f"{API}/shift/hand-over", json={"request_id": uuid7_hex(1), "to_person": MANAGER.cashier_id}
        )
        assert handed.status_code == 201
        assert giver.get(f"{API}/shift").status_code == 401
        assert other.get(f"{API}/shift").status_code == 200, "another till is another shift"
        taker = client_of(rig, MANAGER)
        assert taker.post(f"{API}/shift/count", json={"request_id": uuid7_hex(2), "counted": []}).status_code == 201
        closed = taker.post(f"{API}/shift/close", json={"request_id": uuid7_hex(3), "left_fen": 0})
        assert closed.status_code == 201, closed.text
        assert taker.get(f"{API}/shift").status_code == 200, "the Z is looked at, and printed once more"
        rig.clock.advance(61_000)
        assert taker.get(f"{API}/shift").status_code == 401
        assert other.get(f"{API}/shift").status_code == 200
