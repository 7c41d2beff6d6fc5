"""Nothing secret at rest (ux-security §12 no. 25, the hub's part).

After an hour of sign-ins no password, token, code or secret is in the database, its WAL, a copy of it, the logs or the
anchor of the audit log.
"""

import logging
from base64 import b32decode
from pathlib import Path

import pytest

from cloud.app import create_app
from cloud.domain.roles import Role
from cloud.services.accounts import NewPassword, Who
from cloud.services.sign_in import SignedIn
from cloud.services.tries import Caller
from sync.node import logs
from sync.node.ports import ManualClock
from tests.kit.hub_people import OWN_PASSWORD, code_at
from tests.kit.hub_stores import EVENING_MS, open_hub

SECRET_FILES = {"console-password.txt", "api-token.txt", "broker-token.txt", "broker-users.json", "keys.json"}
"""They are the secrets, for their owner only; a test of their own looks at their mode."""
ROUNDS = 30


def forms_of(secret: str) -> set[bytes]:
    """A secret as text, without its dashes, in lower case, and as the bytes behind it."""
    plain = secret.replace("-", "")
    found = {secret.encode(), plain.encode(), plain.lower().encode(), plain.encode("utf-16-le")}
    for read in (bytes.fromhex, b32decode):
        try:
            raw = read(plain)
        except ValueError:
            continue
        if len(raw) >= 10:
            found.add(raw)
    return found


def hits(folder: Path, secrets: set[str]) -> list[str]:
    wanted = {form for secret in secrets for form in forms_of(secret)}
    found: list[str] = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in SECRET_FILES and "authority" not in path.parts:
            content = path.read_bytes()
            found += [f"{path.name}: {form!r}" for form in wanted if form in content]
    return found


@pytest.fixture
def log_files(tmp_path):
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    logs.set_up(tmp_path, level="DEBUG")
    yield tmp_path
    for handler in [one for one in root.handlers if one not in before]:
        root.removeHandler(handler)
        handler.close()
    root.handlers[:] = before
    root.setLevel(level)


def an_hour(folder: Path, core, clock) -> set[str]:
    """Let people sign in, rightly and wrongly, for an hour, and give every secret that passed by."""
    console = core.hub.console
    who = Who("admin", "192.0.2.7")
    password = (folder / "console-password.txt").read_text(encoding="ascii").strip()
    seen = {password, (folder / "api-token.txt").read_text(encoding="ascii").strip(), OWN_PASSWORD}
    made = console.accounts.add("mei", "Chen Mei", Role.ADMIN, who)
    assert isinstance(made, NewPassword)
    half = console.sign_in.sign_in("mei", made.password, Caller("192.0.2.8"))
    assert isinstance(half, SignedIn)
    own = console.sign_in.choose_password(half.token, OWN_PASSWORD, Caller("192.0.2.8"))
    assert isinstance(own, SignedIn)
    draft = console.sign_in.draft_for(own.token)
    codes = console.sign_in.adopt_own(own.token, code_at(draft.secret, clock.now_ms()), Caller("192.0.2.8"))
    assert isinstance(codes, tuple)
    seen |= {made.password, half.token, own.token, own.device.rsplit(".", 1)[1], draft.secret, *codes}
    client = create_app(core.hub).test_client()
    for number in range(ROUNDS):
        clock.advance(120_000)
        guess = f"wrong guess number {number} of the hour"
        console.sign_in.sign_in(guess, "x", Caller(f"198.51.100.{number}"))
        console.sign_in.sign_in("mei", guess, Caller(f"203.0.113.{number}"))
        opened = console.sign_in.sign_in(
            "mei", OWN_PASSWORD, Caller("192.0.2.8"), code_at(draft.secret, clock.now_ms())
        )
        assert isinstance(opened, SignedIn)
        assert opened.stage == "full"
        seen |= {guess, opened.token, opened.device.rsplit(".", 1)[1]}
        assert client.post("/api/v1/session", json={"password": password}).status_code == 200
        cookie = client.get_cookie("hub_session")
        assert cookie is not None
        seen.add(cookie.value)
    console.sign_in.sign_in("mei", OWN_PASSWORD, Caller("192.0.2.8"), codes[0])
    reset = console.accounts.reset_password("mei", who)
    assert isinstance(reset, NewPassword)
    return seen | {reset.password}


def test_after_an_hour_of_sign_ins_nothing_secret_is_on_disk(log_files):
    clock = ManualClock(EVENING_MS)
    core = open_hub(log_files, clock)
    try:
        seen = an_hour(log_files, core, clock)
        core.hub.console.audit_log.verify()
        with core.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            driver = connection.connection.driver_connection
            assert driver is not None
            driver.execute(f"VACUUM INTO '{log_files / 'copy.db'}'")
        names = {path.name for path in log_files.iterdir()}
        assert {"hub.db", "hub.db-wal", "copy.db", "audit-anchor.json"} <= names
        assert any("log" in path.name for path in log_files.rglob("*")), names
        assert len(seen) > 3 * ROUNDS
        assert hits(log_files, seen) == []
    finally:
        core.database.close()


@pytest.mark.parametrize("where", ["column", "log"])
def test_a_secret_on_disk_is_found(log_files, where):
    """Negative control: the search sees what it looks for, in the database and in the logs."""
    clock = ManualClock(EVENING_MS)
    core = open_hub(log_files, clock)
    try:
        if where == "column":
            core.hub.console.audit_log.record("admin", "thing.done", OWN_PASSWORD)
        else:
            logging.getLogger("cloud").error(OWN_PASSWORD)
        assert hits(log_files, {OWN_PASSWORD}) != []
    finally:
        core.database.close()


def test_the_files_that_are_secrets_are_their_owners_only(tmp_path):
    core = open_hub(tmp_path, ManualClock(EVENING_MS))
    core.hub.console.audit_log.sign()
    core.database.close()
    for name in (*SECRET_FILES, "audit-anchor.json"):
        assert (tmp_path / name).stat().st_mode & 0o077 == 0, name
