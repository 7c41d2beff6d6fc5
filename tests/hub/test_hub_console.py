"""Sign-in to the console: locked after ten wrong passwords, sessions that end, tokens that are not on disk."""

import pytest

from cloud.services.console import IDLE_MS, LIFE_MS, LOCKED_MS, Console, SignedIn
from cloud.services.refusals import Refused
from sync.node.passwords import Vault
from sync.node.ports import ManualClock, SeededChance
from tests.kit.hub_store import QUICK_COST, open_file

PASSWORD = "ABCDE-FGHJK-MNPQR-STVWX"


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def database(tmp_path):
    opened = open_file(tmp_path / "hub.db")
    yield opened
    opened.close()


@pytest.fixture
def console(database, clock):
    made = Console(database, Vault(b"pepper", QUICK_COST), "program", clock=clock, chance=SeededChance("console"))
    made.set_up(PASSWORD)
    return made


def signed_in(console) -> str:
    answer = console.sign_in(PASSWORD)
    assert isinstance(answer, SignedIn)
    return answer.token


def test_the_right_password_opens_a_session(console):
    token = signed_in(console)
    assert console.session(token)
    assert not console.session(token[:-1] + "x")
    console.sign_out(token)
    assert not console.session(token)


def test_a_session_ends_when_idle_and_after_twelve_hours(console, clock):
    token = signed_in(console)
    clock.advance(IDLE_MS - 1)
    assert console.session(token)
    clock.advance(IDLE_MS)
    assert not console.session(token)
    token = signed_in(console)
    for _ in range(LIFE_MS // (IDLE_MS - 1)):
        clock.advance(IDLE_MS - 1)
        assert console.session(token)
    clock.advance(IDLE_MS - 1)
    assert not console.session(token)


def test_a_page_that_refreshes_itself_keeps_no_session_alive(console, clock):
    token = signed_in(console)
    clock.advance(IDLE_MS - 1)
    assert console.session(token, touch=False)
    clock.advance(1)
    assert not console.session(token)


def test_ten_wrong_passwords_lock_the_console_for_half_an_hour(console, clock):
    for _ in range(10):
        assert console.sign_in("no") == Refused("wrong_password", 401)
    assert console.sign_in(PASSWORD) == Refused("signin_locked", 429, {"retry_after_s": LOCKED_MS // 1000})
    clock.advance(LOCKED_MS - 1)
    assert isinstance(console.sign_in(PASSWORD), Refused)
    clock.advance(1)
    assert isinstance(console.sign_in(PASSWORD), SignedIn)


def test_nine_wrong_passwords_are_forgiven_by_a_right_one(console):
    for _ in range(2):
        for _ in range(9):
            console.sign_in("no")
        assert isinstance(console.sign_in(PASSWORD), SignedIn)


@pytest.mark.parametrize("text", ["", "\ud800", "x" * 1_000_000])
def test_an_odd_password_is_a_wrong_one(console, text):
    assert console.sign_in(text) == Refused("wrong_password", 401)
    assert not console.session(text)
    assert not console.program(text)


def test_neither_password_nor_tokens_are_on_disk(console, tmp_path):
    token = signed_in(console)
    for path in tmp_path.iterdir():
        content = path.read_bytes()
        assert token.encode() not in content
        assert bytes.fromhex(token) not in content
        assert PASSWORD.encode() not in content


def test_a_program_shows_its_token(console):
    assert console.program("program")
    assert not console.program("programme")


def test_a_changed_password_file_ends_the_sessions(console):
    token = signed_in(console)
    console.set_up(PASSWORD)
    assert console.session(token)
    console.set_up("another password")
    assert not console.session(token)
    assert isinstance(console.sign_in("another password"), SignedIn)
