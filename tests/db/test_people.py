"""The people of a store: sign-in by name, PIN and badge, the lock-out rule by rule, tills that lock themselves, the staff."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.db import staff as staff_db
from edge.domain.refusal import Refused
from edge.domain.roles import Role
from edge.services.care import verify_journal
from edge.services.devices import till_devices
from edge.services.house import settings_here
from edge.services.people import sign_in, staff
from edge.services.people.sign_in import HOUR_MS, IDLE_MS, SEEN_EVERY_MS, SignedIn
from sync.contract import ids
from sync.node import migrate
from tests.kit.nodes import Rig, uuid7_hex
from tests.kit.people import (
    API,
    CASHIER,
    MANAGER,
    OTHER_MANAGER,
    PINS,
    SUPERVISOR,
    at,
    client_of,
    guest_of,
    staffed,
)

WRONG = "000001"


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with Rig(tmp_path) as made:
        yield staffed(made)
        report = verify_journal.verify(made.node)
        assert report.ok, report.findings


def request_ids(start: int = 1) -> Iterator[str]:
    return (uuid7_hex(number) for number in range(start, start + 1_000))


def fail(rig: Rig, times: int, person_id: str = "", till: str = "1") -> Refused:
    answer = Refused("")
    for _ in range(times):
        found = sign_in.sign_in(rig.node, till, WRONG, person_id)
        assert isinstance(found, Refused)
        answer = found
    return answer


def fail_patiently(rig: Rig, times: int, person_id: str = "", till: str = "1") -> None:
    """Wrong so many times, each after the lock of the one before."""
    for _ in range(times):
        answer = fail(rig, 1, person_id, till)
        rig.clock.advance(int(str(answer.details.get("retry_after_s", 0))) * 1_000)


def enter(rig: Rig, one: Any, till: str = "1", *, named: bool = False) -> SignedIn | Refused:
    return sign_in.sign_in(rig.node, till, PINS[one], one.cashier_id if named else "")


# --------------------------------------------------------------------------------------------------------------- lock-out
def test_a_pin_says_who_it_is_and_with_a_name_it_must_be_theirs(rig: Rig) -> None:
    for one in PINS:
        assert isinstance(enter(rig, one), SignedIn)
        assert isinstance(enter(rig, one, named=True), SignedIn)
    answer = sign_in.sign_in(rig.node, "1", PINS[MANAGER], CASHIER.cashier_id)
    assert answer == Refused("wrong_pin", {"tries_left": 4})


def test_wrong_pins_of_one_person_hold_up_that_person_at_that_till_only(rig: Rig) -> None:
    assert fail(rig, 5, CASHIER.cashier_id).code == "pin_locked"
    assert enter(rig, CASHIER, named=True) == Refused("pin_locked", {"retry_after_s": 30})
    # The PIN alone is no way round it.
    assert enter(rig, CASHIER) == Refused("pin_locked", {"retry_after_s": 30})
    assert isinstance(enter(rig, CASHIER, "2"), SignedIn)
    assert isinstance(enter(rig, SUPERVISOR), SignedIn)


def test_after_ten_wrong_in_a_day_a_manager_unlocks(rig: Rig) -> None:
    fail_patiently(rig, 10, CASHIER.cashier_id)
    rig.clock.advance(HOUR_MS)
    assert enter(rig, CASHIER, named=True) == Refused("pin_needs_manager")
    assert enter(rig, CASHIER) == Refused("pin_needs_manager")
    client = client_of(rig, MANAGER)
    assert (
        client.post(f"{API}/people/{CASHIER.cashier_id}/unlock", json={"request_id": uuid7_hex(1)}).status_code == 200
    )
    assert isinstance(enter(rig, CASHIER, named=True), SignedIn)


def test_the_day_is_over_after_a_day(rig: Rig) -> None:
    fail_patiently(rig, 10, CASHIER.cashier_id)
    rig.clock.advance(sign_in.DAY_MS)
    assert isinstance(enter(rig, CASHIER, named=True), SignedIn)


def test_the_last_manager_is_never_made_to_wait_for_a_manager(rig: Rig) -> None:
    fail_patiently(rig, 10, MANAGER.cashier_id)
    rig.clock.advance(HOUR_MS)
    assert enter(rig, MANAGER, named=True) == Refused("pin_needs_manager")
    fail_patiently(rig, 10, OTHER_MANAGER.cashier_id)
    rig.clock.advance(HOUR_MS)
    assert isinstance(enter(rig, OTHER_MANAGER, named=True), SignedIn)


def test_a_till_with_twenty_wrong_in_an_hour_asks_for_somebody_senior_by_name_and_others_go_on(rig: Rig) -> None:
    # Spread over names, so that nobody's own lock comes first.
    for person_id in ("", CASHIER.cashier_id, SUPERVISOR.cashier_id, MANAGER.cashier_id, OTHER_MANAGER.cashier_id):
        fail(rig, 4, person_id)
    refused = enter(rig, CASHIER, named=True)
    assert isinstance(refused, Refused)
    assert (refused.code, refused.details["senior"]) == ("pin_locked", True)
    assert isinstance(enter(rig, MANAGER), Refused)
    assert isinstance(enter(rig, SUPERVISOR, named=True), SignedIn)
    assert isinstance(enter(rig, CASHIER, "2"), SignedIn)
    rig.clock.advance(HOUR_MS)
    assert isinstance(enter(rig, CASHIER, named=True), SignedIn)


def test_right_pins_are_no_wrong_tries_however_many(rig: Rig) -> None:
    for _ in range(25):
        assert isinstance(enter(rig, CASHIER), SignedIn)
    assert rig.rows("SELECT count(*) FROM wrong_pins") == [(0,)]


def test_every_till_locked_by_guesses_still_lets_a_manager_in(rig: Rig) -> None:
    for till in ("1", "2"):
        fail_patiently(rig, 4, till=till)
        for person_id in (CASHIER.cashier_id, SUPERVISOR.cashier_id, OTHER_MANAGER.cashier_id, MANAGER.cashier_id):
            fail(rig, 4, person_id, till)
    assert isinstance(enter(rig, CASHIER, "1"), Refused)
    assert isinstance(enter(rig, CASHIER, "2"), Refused)
    assert isinstance(enter(rig, MANAGER, "1", named=True), SignedIn)


# ------------------------------------------------------------------------------------------------------------- auto-lock
def test_a_till_at_which_nobody_works_locks_itself_and_the_pin_opens_it(rig: Rig) -> None:
    client = client_of(rig, CASHIER)
    rig.clock.advance(IDLE_MS - 1)
    assert client.get(f"{API}/menu").status_code == 200
    rig.clock.advance(1)
    answer = client.get(f"{API}/menu")
    assert (answer.status_code, answer.json["code"]) == (401, "session_locked")
    told = client.get(f"{API}/session").json
    assert (told["locked"], told["cashier"]["id"], told["may"]) == (True, CASHIER.cashier_id, [])
    assert client.get(f"{API}/status").json["signed_in"] is False
    assert client.post(f"{API}/session", json={"till": "1", "pin": PINS[CASHIER]}).status_code == 200
    assert client.get(f"{API}/menu").status_code == 200
    assert rig.rows("SELECT count(*) FROM sessions") == [(1,)]


def test_work_keeps_a_till_open_and_looking_does_not(rig: Rig) -> None:
    client = client_of(rig, CASHIER)
    for _ in range(3):
        rig.clock.advance(IDLE_MS - 1)
        assert client.post(f"{API}/session/seen").status_code == 204
    rig.clock.advance(IDLE_MS - 1)
    assert client.get(f"{API}/status").json["signed_in"] is True
    rig.clock.advance(1)
    assert client.post(f"{API}/session/seen").json["code"] == "session_locked"


def test_somebody_who_goes_away_locks_at_once(rig: Rig) -> None:
    client = client_of(rig, CASHIER)
    assert client.post(f"{API}/session/lock").status_code == 204
    assert client.get(f"{API}/menu").json["code"] == "session_locked"
    rig.restart()
    assert client_of(rig, CASHIER)


@pytest.mark.parametrize(("away_ms", "open_still"), [(IDLE_MS - SEEN_EVERY_MS - 1, True), (IDLE_MS, False)])
def test_a_restart_neither_locks_out_nor_opens(rig: Rig, away_ms: int, open_still: bool) -> None:
    opened = enter(rig, CASHIER)
    assert isinstance(opened, SignedIn)
    rig.clock.advance(SEEN_EVERY_MS)
    assert sign_in.who(rig.node, opened.token, at_work=True) is not None
    rig.restart()
    rig.clock.advance(away_ms)
    assert (sign_in.who(rig.node, opened.token) is not None) == open_still
    assert (sign_in.locked(rig.node, opened.token) is None) == open_still


def test_a_wall_clock_that_is_set_does_not_lock_a_till_nor_keep_it_open(rig: Rig) -> None:
    opened = enter(rig, CASHIER)
    assert isinstance(opened, SignedIn)
    rig.clock.step_wall(HOUR_MS)
    assert sign_in.who(rig.node, opened.token) is not None
    rig.clock.step_wall(-2 * HOUR_MS)
    rig.clock.advance(IDLE_MS)
    assert sign_in.who(rig.node, opened.token) is None


# ---------------------------------------------------------------------------------------------------------------- badges
def test_a_badge_signs_in_typed_or_scanned_once_and_only_while_nobody_is_there(rig: Rig) -> None:
    number = "zgs-7kq2-m4xp"
    manager = client_of(rig, MANAGER)
    body = {"request_id": uuid7_hex(1), "badge": number}
    assert manager.post(f"{API}/people/{CASHIER.cashier_id}/badge", json=body).json["has_badge"] is True
    guest = guest_of(rig)
    typed = guest.post(f"{API}/session", json={"till": "1", "badge": "ZGS-7KQ2M4XP"})
    assert (typed.status_code, typed.json["cashier"]["id"]) == (200, CASHIER.cashier_id)
    held = b"".join(path.read_bytes() for path in rig.folder.glob("node.db*"))
    assert b"7KQ2M4XP" not in held

    scanning = guest.application.extensions["till_devices"].scanning
    assert guest.post(f"{API}/session", json={"till": "2", "scanned": True}).json["code"] == "no_badge"
    scanning.scanned("2", number)
    assert guest.post(f"{API}/session", json={"till": "2", "scanned": True}).status_code == 200
    assert guest.post(f"{API}/session", json={"till": "2", "scanned": True}).json["code"] == "no_badge"
    scanning.scanned("2", number)
    rig.clock.advance(10_000)
    assert guest.post(f"{API}/session", json={"till": "2", "scanned": True}).json["code"] == "no_badge"


def test_a_card_reader_signs_in_and_a_strange_card_is_a_wrong_try(rig: Rig) -> None:
    node = rig.node
    assert not isinstance(staff.set_badge(node, at(MANAGER), CASHIER.cashier_id,
                                          staff.BadgeCommand(request_id=uuid7_hex(1), badge="04A1B2C3")), Refused)  # fmt: skip
    devices = till_devices.build(node)
    devices.scanning.card("1", "tap", "04A1B2C3")
    held = devices.scanning.take_badge("1")
    assert held is not None
    opened = sign_in.sign_in_with_badge(node, "1", held.reveal())
    assert isinstance(opened, SignedIn)
    assert opened.session.cashier_id == CASHIER.cashier_id
    assert sign_in.sign_in_with_badge(node, "1", "04FFFFFF") == Refused("wrong_pin", {"tries_left": 4})
    # A PIN is no badge and a badge is no PIN.
    assert isinstance(sign_in.sign_in_with_badge(node, "1", PINS[CASHIER]), Refused)


def test_a_badge_that_somebody_has_is_not_given_twice(rig: Rig) -> None:
    for number, code in ((1, None), (2, "badge_taken")):
        person = (CASHIER, SUPERVISOR)[number - 1]
        done = staff.set_badge(rig.node, at(MANAGER), person.cashier_id,
                               staff.BadgeCommand(request_id=uuid7_hex(number), badge="ZGS-AAAA1111"))  # fmt: skip
        assert (done.code if isinstance(done, Refused) else None) == code


# ----------------------------------------------------------------------------------------------------------------- staff
def add_body(number: int, **changes: Any) -> dict[str, Any]:
    body = {"request_id": uuid7_hex(number), "name": "赵六", "role": "supervisor", "locale": "en", "pin": "718293"}
    return {**body, **changes}


def test_a_manager_adds_somebody_who_signs_in_with_their_role_and_language(rig: Rig) -> None:
    client = client_of(rig, MANAGER)
    answer = client.post(f"{API}/people", json=add_body(1))
    assert (answer.status_code, answer.json["id"]) == (201, uuid7_hex(1))
    assert client.post(f"{API}/people", json=add_body(1)).data == answer.data
    signed = guest_of(rig).post(f"{API}/session", json={"till": "2", "pin": "718293"}).json
    assert (signed["cashier"], signed["locale"]) == ({"id": uuid7_hex(1), "name": "赵六", "role": "supervisor"}, "en")
    kinds = [row[0] for row in rig.rows("SELECT kind FROM facts WHERE kind LIKE 'p%' ORDER BY n")]
    assert sorted(kinds) == ["person.pin_set", "person.set"]
    held = b"".join(bytes(row[0]) for row in rig.rows("SELECT raw FROM facts"))
    held += b"".join(bytes(row[0]) for row in rig.rows("SELECT answer FROM requests"))
    assert b"718293" not in held


def test_a_repeat_with_another_pin_is_another_command(rig: Rig) -> None:
    client = client_of(rig, MANAGER)
    assert client.post(f"{API}/people", json=add_body(1)).status_code == 201
    assert client.post(f"{API}/people", json=add_body(1, pin="718294")).json["code"] == "request_id_reused"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"pin": "111111"}, "pin_easy"),
        ({"pin": "234567"}, "pin_easy"),
        ({"pin": "900230"}, "pin_easy"),
        ({"pin": "12345"}, "pin_easy"),
        ({"pin": "７１８２９３"}, "pin_easy"),
        ({"pin": PINS[CASHIER]}, "pin_taken"),
        ({"name": " "}, "bad_name"),
        ({"name": "x" * 21}, "bad_name"),
        ({"name": "a\u202eb"}, "bad_name"),
        ({"locale": "fr"}, "malformed"),
        ({"role": "owner"}, "malformed"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(rig: Rig, changes: dict[str, Any], code: str) -> None:
    client = client_of(rig, MANAGER)
    before = rig.tables("sessions")
    answer = client.post(f"{API}/people", json=add_body(1, **changes))
    assert answer.json["code"] == code
    assert rig.tables("sessions") == before


@pytest.mark.parametrize("one", [CASHIER, SUPERVISOR])
def test_only_managers_manage_people(rig: Rig, one: Any) -> None:
    client = client_of(rig, one)
    for path, body in (
        ("/people", add_body(1)),
        (f"/people/{CASHIER.cashier_id}", {"request_id": uuid7_hex(1), "name": "x", "role": "manager", "locale": "en"}),
        *((f"/people/{CASHIER.cashier_id}/{verb}", {"request_id": uuid7_hex(1)}) for verb in ("leave", "unlock")),
        (f"/people/{CASHIER.cashier_id}/pin", {"request_id": uuid7_hex(1), "pin": "718293"}),
        (f"/people/{CASHIER.cashier_id}/badge", {"request_id": uuid7_hex(1), "badge": "ZGS-111111"}),
        ("/settings", {"request_id": uuid7_hex(1), "key": "store.invite_days", "value": 3}),
    ):
        answer = client.post(f"{API}{path}", json=body)
        assert (answer.status_code, answer.json["code"]) == (403, "not_allowed"), path
    for path in ("/people", "/settings"):
        assert client.get(f"{API}{path}").status_code == 403
    assert client.get("/staff").status_code == 403


def test_whoever_leaves_is_out_at_once_and_may_come_back(rig: Rig) -> None:
    manager, gone = client_of(rig, MANAGER), client_of(rig, CASHIER, "2")
    body = {"request_id": uuid7_hex(1)}
    assert manager.post(f"{API}/people/{CASHIER.cashier_id}/leave", json=body).status_code == 200
    assert gone.get(f"{API}/menu").json["code"] == "not_signed_in"
    assert isinstance(enter(rig, CASHIER), Refused)
    assert CASHIER.cashier_id not in [one["id"] for one in manager.get(f"{API}/people").json["people"]]
    assert manager.post(f"{API}/people", json=add_body(2, pin=PINS[CASHIER])).status_code == 201


def test_a_forgotten_pin_is_set_anew_and_the_old_one_and_its_sessions_end(rig: Rig) -> None:
    manager, theirs = client_of(rig, MANAGER), client_of(rig, CASHIER, "2")
    fail(rig, 5, CASHIER.cashier_id)
    body = {"request_id": uuid7_hex(1), "pin": "718293"}
    assert manager.post(f"{API}/people/{CASHIER.cashier_id}/pin", json=body).status_code == 200
    assert theirs.get(f"{API}/menu").json["code"] == "not_signed_in"
    assert isinstance(enter(rig, CASHIER, "2"), Refused)
    assert isinstance(sign_in.sign_in(rig.node, "1", "718293", CASHIER.cashier_id), SignedIn)


def test_the_last_manager_neither_leaves_nor_becomes_less(rig: Rig) -> None:
    client, made = client_of(rig, MANAGER), request_ids()
    other = f"{API}/people/{OTHER_MANAGER.cashier_id}"
    own = f"{API}/people/{MANAGER.cashier_id}"
    less = {"name": "x", "role": "cashier", "locale": "en"}
    assert client.post(other, json={"request_id": next(made), **less}).status_code == 200
    assert client.post(f"{own}/leave", json={"request_id": next(made)}).json["code"] == "last_manager"
    assert client.post(own, json={"request_id": next(made), **less}).json["code"] == "last_manager"
    assert client.post(own, json={"request_id": next(made), **less, "role": "manager"}).status_code == 200


def test_ones_own_language_and_pin_are_ones_own(rig: Rig) -> None:
    client = client_of(rig, CASHIER)
    assert client.post(f"{API}/session/locale", json={"request_id": uuid7_hex(1), "locale": "en"}).status_code == 200
    assert client.get(f"{API}/session").json["locale"] == "en"
    body = {"request_id": uuid7_hex(2), "pin": WRONG, "new_pin": "718293"}
    assert client.post(f"{API}/session/pin", json=body).json["code"] == "wrong_pin"
    assert client.post(f"{API}/session/pin", json={**body, "pin": PINS[CASHIER]}).status_code == 200
    assert client.get(f"{API}/menu").status_code == 200
    assert isinstance(sign_in.sign_in(rig.node, "2", "718293"), SignedIn)


def test_a_role_that_was_changed_counts_from_the_next_request_on(rig: Rig) -> None:
    manager, cashier = client_of(rig, MANAGER), client_of(rig, CASHIER, "2")
    assert cashier.get(f"{API}/people").status_code == 403
    body = {"request_id": uuid7_hex(1), "name": "小李", "role": "manager", "locale": "zh-CN"}
    assert manager.post(f"{API}/people/{CASHIER.cashier_id}", json=body).status_code == 200
    assert cashier.get(f"{API}/people").status_code == 200


def test_people_come_back_from_facts_and_their_pins_do_not(rig: Rig) -> None:
    """What a replaced node has: the facts' people, and nobody's PIN; the first start asks for a manager then."""
    client = client_of(rig, MANAGER)
    assert client.post(f"{API}/people", json=add_body(1)).status_code == 201
    assert staff.declare(rig.node) == 4
    assert staff.declare(rig.node) == 0
    assert rig.rows("SELECT count(*) FROM newcomers") == [(0,)]
    assert isinstance(enter(rig, CASHIER), SignedIn)
    rig.db.write(lambda tx: tx.execute("DELETE FROM credentials"))
    assert [one.has_pin for one in staff.everybody(rig.node)] == [False] * 5
    assert isinstance(enter(rig, MANAGER), Refused)


def test_a_newcomer_whose_id_the_facts_know_gets_one_of_their_own(rig: Rig) -> None:
    """A computer that was set up in training and then took a dead node's place: its first manager stays a manager."""
    client = client_of(rig, MANAGER)
    assert client.post(f"{API}/people", json=add_body(1, role="cashier")).status_code == 201
    rig.add_person(staff_db.Cashier(uuid7_hex(1), "新店长", Role.MANAGER), "604937")
    assert staff.declare(rig.node) == 5
    opened = sign_in.sign_in(rig.node, "1", "604937")
    assert isinstance(opened, SignedIn)
    assert (opened.session.cashier_name, opened.session.role) == ("新店长", Role.MANAGER)
    assert ids.is_uuid7_hex(opened.session.cashier_id)
    assert opened.session.cashier_id != uuid7_hex(1)


def test_in_training_people_are_kept_without_facts_and_declared_when_there_is_an_epoch(tmp_path: Path) -> None:
    with Rig(tmp_path, enrolled=False) as rig:
        staffed(rig, MANAGER)
        client = client_of(rig, MANAGER)
        assert client.post(f"{API}/people", json=add_body(1)).status_code in {200, 201}
        assert client.post(f"{API}/people", json=add_body(2, pin=PINS[MANAGER])).json["code"] == "pin_taken"
        setting = {"request_id": uuid7_hex(3), "key": "store.address", "value": "青瓷巷 8 号"}
        assert client.post(f"{API}/settings", json=setting).status_code == 200
        assert rig.node.store_rules.address == "青瓷巷 8 号"
        assert rig.rows("SELECT count(*) FROM facts") == [(0,)]
    with Rig(tmp_path) as rig:
        assert (staff.declare(rig.node), settings_here.declare(rig.node)) == (2, 1)
        assert isinstance(sign_in.sign_in(rig.node, "1", "718293"), SignedIn)
        assert verify_journal.verify(rig.node).ok


# -------------------------------------------------------------------------------------------------------------- settings
def test_a_setting_of_the_store_stands_over_the_file_and_under_hq(rig: Rig) -> None:
    client, made = client_of(rig, MANAGER), request_ids()

    def put(key: str, value: object) -> Any:
        return client.post(f"{API}/settings", json={"request_id": next(made), "key": key, "value": value})

    assert put("store.invite_days", 7).json == {"key": "store.invite_days", "value": 7, "here": True, "at_start": False}
    assert rig.node.store_rules.invite_days == 7
    rig.node.rules.put({"invite_days": 9})
    assert rig.node.store_rules.invite_days == 9
    rows = [{"kind": "printer", "id": "bar", "address": "tcp://127.0.0.1:9101"}]
    assert put("devices", rows).json["at_start"] is True
    for key, value in (
        ("store.invite_days", 0),
        ("store.invite_days", "x"),
        ("store.menu_file", "/etc/passwd"),
        ("web.port", 1),
        ("nothing", 1),
        ("store.tills", []),
        ("store.timezone", "Moon/Base"),
        ("devices", [{"kind": "printer", "id": "x"}]),
        ("devices", [{"kind": "printer", "id": "x", "address": "file:///etc/passwd"}]),
        ("devices", [{"kind": "printer", "id": "x", "address": "file:///dev/../etc/passwd"}]),
        ("devices", {}),
    ):
        assert put(key, value).json["code"] == "unknown_setting", (key, value)
    listed = {one["key"]: one for one in client.get(f"{API}/settings").json["settings"]}
    assert (listed["store.invite_days"]["value"], listed["devices"]["value"]) == (7, rows)
    with rig.db.read() as reader:
        started = settings_here.at_start(rig.settings, reader)
    assert (started.store.invite_days, started.devices) == (7, rows)
    assert started.store.tills == ("1", "2")


def test_a_value_that_no_version_of_now_can_use_is_left_out_at_the_start(rig: Rig) -> None:
    started = settings_here.over(rig.settings, {"store.tills": "[]", "house.unheard_of": "1", "store.invite_days": "3"})
    assert (started.store.tills, started.store.invite_days) == (("1", "2"), 3)


def test_settings_that_fit_only_beside_each_other_hold_in_whatever_order_they_are_laid(rig: Rig) -> None:
    tax = '[{"id": "vat", "name": {"zh": "税", "en": "Tax"}, "rate_bp": 600}]'
    started = settings_here.over(rig.settings, {"house.line_tax": '"vat"', "house.taxes": tax})
    assert started.house.line_tax == "vat"
    alone = settings_here.over(rig.settings, {"house.line_tax": '"vat"', "house.cover_fen": "200"})
    assert (alone.house.line_tax, alone.house.cover_fen) == ("", 200)


# ------------------------------------------------------------------------------------------------------------- migration
def test_cashiers_of_before_become_managers_and_keep_their_pin(tmp_path: Path) -> None:
    """A file of step 005 with a cashier, a session and a lock."""
    from edge.db import migrations  # noqa: PLC0415 - the module is read as data here

    before = migrate.Steps("edge")
    for step in list(migrations.steps.pending(_memory()))[:5]:
        before(name=step.name)(step.fn)
    with Rig(tmp_path / "other") as other:
        hashed = other.node.vault.hash("718293")
    old = migrate.opened(tmp_path / "node.db", before)
    old.write(lambda tx: tx.execute("INSERT INTO cashiers VALUES ('c1', 'C1', ?)", (hashed,)))
    old.write(lambda tx: tx.execute("INSERT INTO pin_tries VALUES ('1', 5, 1)"))
    old.close()
    with Rig(tmp_path) as rig:
        opened = sign_in.sign_in(rig.node, "1", "718293")
        assert isinstance(opened, SignedIn)
        assert (opened.session.cashier_id, opened.session.role) == ("c1", Role.MANAGER)
        assert staff.declare(rig.node) == 1
        assert verify_journal.verify(rig.node).ok


def _memory() -> Any:
    import sqlite_utils  # noqa: PLC0415 - after the driver is in place

    return sqlite_utils.Database(memory=True)
