"""Guessing passwords (ux-security §12 no. 23 for sign-in): ≤ policy, others get in, and a start forgets nothing."""

import pytest

from cloud.domain.roles import Role
from cloud.services import tries
from cloud.services.refusals import Refused
from cloud.services.sign_in import SignedIn
from cloud.services.tries import LOCKED_MS, TOGETHER_EVERY_MS, TOGETHER_MAX, WRONG_MAX, Caller
from tests.kit.hub_people import HERE, OWN_PASSWORD, Door
from tests.kit.hub_store import open_file

THIEF = Caller("203.0.113.66", "Firefox, Linux")
TRIES = 1_000


@pytest.fixture
def door(tmp_path):
    database = open_file(tmp_path / "hub.db")
    yield Door(database, tmp_path)
    database.close()


@pytest.fixture
def each_door(hub_database, tmp_path):
    """A door on each of the two databases."""
    return Door(hub_database, tmp_path)


def guess(door, count, caller=THIEF, account="admin", every_ms=0):
    """Guess so often and count the answers by their code."""
    told: dict[str, int] = {}
    for number in range(count):
        answer = door.try_in(f"guess number {number}", account, caller)
        assert isinstance(answer, Refused)
        told[answer.code] = told.get(answer.code, 0) + 1
        door.clock.advance(every_ms)
    return told


def test_a_thousand_guesses_in_a_row_compare_ten_passwords(each_door):
    told = guess(each_door, TRIES, every_ms=100)
    assert told["signin_locked"] == TRIES - told["wrong_password"]
    assert each_door.vault.compared == told["wrong_password"] <= WRONG_MAX
    # Spread over a day, with all the patience in the world, it is a handful more.
    told = guess(each_door, TRIES, every_ms=86_400)
    assert each_door.vault.compared <= WRONG_MAX + 7
    assert len(each_door.log("signin.failed")) == each_door.vault.compared


def test_while_one_guesses_everybody_else_signs_in(door):
    door.add("mei", Role.VIEWER)
    assert guess(door, 50)["signin_locked"] > 30
    assert door.try_in(caller=THIEF).code == "signin_locked", "the right password too, from there"
    assert door.sign_in().stage == "full", "the owner from another address"
    assert door.sign_in(OWN_PASSWORD, "mei").stage == "full"


def test_the_owners_own_browser_gets_in_even_from_the_guessers_address(door):
    known = Caller(THIEF.address, HERE.browser, door.sign_in(caller=THIEF).device)
    guess(door, 50)
    assert door.try_in(caller=THIEF).code == "signin_locked"
    assert door.sign_in(caller=known).stage == "full"


def test_a_known_browser_that_guesses_is_locked_too_and_a_forged_one_is_unknown(door):
    device = door.sign_in().device
    told = guess(door, 200, Caller(HERE.address, "", device), every_ms=1_000)
    # Locked as a known browser, it goes on as an unknown one, and is locked as that.
    assert told["wrong_password"] == 2 * WRONG_MAX
    account, nonce, made, mac = device.rsplit(".", 3)
    for forged in (
        f"{account}.{'0' * 32}.{made}.{mac}",
        f"mei.{nonce}.{made}.{mac}",
        "admin",
        "...",
        "x" * 200,
        "é.é.é.é",
    ):
        assert door.try_in(caller=Caller(HERE.address, "", forged)).code == "signin_locked", forged


def test_a_browser_is_known_for_half_a_year_and_to_one_account(door):
    door.add("mei", Role.VIEWER)
    device = door.sign_in().device
    guess(door, 50)
    guess(door, 50, account="mei")
    at_thiefs = Caller(THIEF.address, "", device)
    assert door.try_in(OWN_PASSWORD, "mei", at_thiefs).code == "signin_locked"
    assert isinstance(door.try_in(caller=at_thiefs), SignedIn)
    door.clock.advance(tries.DEVICE_LIFE_MS)
    guess(door, 50)
    assert door.try_in(caller=at_thiefs).code == "signin_locked"


def test_a_start_forgets_no_wrong_password(each_door):
    guess(each_door, 50)
    each_door.restart()
    assert each_door.try_in(caller=THIEF).code == "signin_locked"
    assert each_door.vault.compared == 0


def test_ten_wrong_ones_lock_for_half_an_hour_and_each_further_one_doubles_it(door):
    waits: list[int] = []
    for _ in range(WRONG_MAX + 2):
        assert door.try_in("no", caller=THIEF).code == "wrong_password"
        answer = door.try_in(caller=THIEF) if len(waits) >= tries.FREE else None
        waits.append(0 if answer is None else answer.details["retry_after_s"])
        door.clock.advance(waits[-1] * 1000)
    minutes = LOCKED_MS // 60_000
    assert waits == [0, 0, 0, 0, 1, 2, 4, 8, 16, minutes * 60, minutes * 120, minutes * 240]
    assert tries.delay_ms(1_000) == tries.LOCKED_MS_MAX


def test_a_right_password_forgives_the_wrong_ones_before_it(door):
    for _ in range(3):
        guess(door, tries.FREE, HERE)
        assert door.sign_in().stage == "full"
    assert guess(door, tries.FREE, HERE) == {"wrong_password": tries.FREE}


def test_one_address_guessing_at_many_names_is_stopped_and_fills_no_table(door):
    for number in range(TRIES):
        door.try_in("Summer2026!!", f"name{number}", THIEF)
    assert door.vault.compared <= tries.ADDRESS_WRONG_MAX
    with door.database.read() as reader:
        held = reader.connection.exec_driver_sql("SELECT account FROM signin_tries").all()
    assert len(held) <= tries.ADDRESS_WRONG_MAX + 2
    assert not any("name1" in row[0] for row in held), "what is typed as a name may be a password"
    assert door.sign_in().stage == "full"


def test_many_addresses_together_are_slowed_down_and_known_browsers_are_not(door):
    known = Caller("198.51.100.9", "", door.sign_in().device)
    told: dict[str, int] = {}
    for number in range(TRIES):
        code = door.try_in("no", "admin", Caller(f"10.{number >> 8}.{number & 255}.7")).code
        told[code] = told.get(code, 0) + 1
    assert told == {"wrong_password": TOGETHER_MAX, "signin_busy": TRIES - TOGETHER_MAX}
    assert door.try_in().code == "signin_busy"
    assert door.sign_in(caller=known).stage == "full"
    door.clock.advance(TOGETHER_EVERY_MS)
    assert door.sign_in().stage == "full"


def test_one_address_alone_cannot_slow_everybody_down():
    assert tries.ADDRESS_WRONG_MAX < TOGETHER_MAX


def test_the_neighbours_in_a_network_of_ipv6_are_one_place():
    place = tries.address_place
    assert place("2001:db8:1:2:aaaa::1") == place("2001:db8:1:2:bbbb::2") != place("2001:db8:1:3::1")
    assert place("::ffff:192.0.2.7") == place("192.0.2.7")
    assert place("") == place("nonsense")


def test_a_lock_is_told_in_the_log_and_shown_where_one_looks(door):
    assert door.held.audit_log.locked_lately() == 0
    guess(door, 200, every_ms=1_000)
    assert [(row.actor, row.target) for row in door.log("signin.locked")] == [("admin", "admin")]
    assert door.held.audit_log.locked_lately() == 1
    guess(door, 40, account="a-password-typed-as-a-name", every_ms=1_000, caller=Caller("198.51.100.1"))
    assert {row.actor for row in door.log("signin.failed")} == {"admin", "unknown"}
    assert "typed" not in str(door.log())
    door.clock.advance(24 * 3_600_000 + 1)
    assert door.held.audit_log.locked_lately() == 0


def test_without_the_policy_a_thousand_guesses_are_a_thousand_comparisons(door, monkeypatch):
    """Negative control: the counts above come from the policy and from nothing else."""
    monkeypatch.setattr(tries, "delay_ms", lambda wrong: 0)
    monkeypatch.setattr(tries, "ADDRESS_WRONG_MAX", 10**9)
    monkeypatch.setattr(tries, "TOGETHER_MAX", 10**9)
    guess(door, 100)
    assert door.vault.compared == 100
