"""What is done to stores and to the hub stands in the audit log, with who did it, in the transaction of the deed itself."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud.db.engine import open_engine
from cloud.domain.audit_chain import Entry, Filter
from cloud.services.accounts import Who
from cloud.services.audit_log import AuditLog
from cloud.services.enrol import BadStore
from cloud.services.restore import restore
from cloud.web import words
from cloud.wiring import Commands, Core
from sync.contract.enrolling import Enrolled, Waiting
from sync.contract.words import Name
from sync.node import keys
from sync.node.ports import ManualClock, SeededChance
from tests.kit.hub_store import request
from tests.kit.hub_stores import EVENING_MS, open_hub

OLD = keys.make_identity(b"node" * 8)
NEW = keys.make_identity(b"othr" * 8)
ANNA = Who("anna", "10.0.0.7")


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    held = open_hub(tmp_path, ManualClock(EVENING_MS))
    yield held
    held.database.close()


def deeds(core: Core) -> list[tuple[str, str, str, str]]:
    """Everything in the log, oldest first, without what setting up left there."""
    rows = reversed(core.hub.console.audit_log.page(Filter(), 200))
    return [plain(row) for row in rows if not row.action.startswith("user.")]


def plain(row: Entry) -> tuple[str, str, str, str]:
    return row.actor, row.action, row.target, row.detail


def test_the_life_of_a_store_is_told_with_who_did_what(core: Core) -> None:
    enrolment, commands = core.hub.enrolment, Commands(core)
    named = {"command": "enrol-store", "store": "s1", "name_zh": "店", "name_en": "Store"}
    code = str(commands.answer(dict(named))["code"])
    assert isinstance(enrolment.redeem(request("s1", code, OLD)), Enrolled)
    code = enrolment.make_code("s1", who=ANNA).code
    told = enrolment.redeem(request("s1", code, NEW))
    assert isinstance(told, Waiting)
    assert enrolment.decide("s1", told.fingerprint, approve=True, by=ANNA.actor, address=ANNA.address)
    assert isinstance(enrolment.redeem(request("s1", code, NEW)), Enrolled)
    assert enrolment.handed_over("s1", 1)
    assert commands.answer({"command": "revoke", "store": "s1", "epoch": 1})["ok"]
    assert deeds(core) == [
        ("cli", "store.code_made", "s1", "{}"),
        ("store:s1", "store.enrolled", "s1", '{"epoch":1}'),
        ("anna", "store.code_made", "s1", '{"from":"10.0.0.7"}'),
        ("anna", "store.approved", "s1", f'{{"fingerprint":"{told.fingerprint}","from":"10.0.0.7"}}'),
        ("store:s1", "store.enrolled", "s1", '{"epoch":2}'),
        ("system", "store.handed_over", "s1", '{"epoch":1}'),
        ("cli", "store.revoked", "s1", '{"epoch":1}'),
    ]
    assert code.replace("-", "") not in str(deeds(core)).replace("-", ""), "a code is a secret while it lives"
    assert core.hub.console.audit_log.verify().whole


def test_what_was_not_done_is_not_told(core: Core) -> None:
    with pytest.raises(BadStore):
        core.hub.enrolment.make_code("new-without-a-name")
    assert not core.hub.enrolment.revoke("s1", 1)
    assert not core.hub.enrolment.decide("s1", "0000", approve=False, by="anna")
    assert deeds(core) == []


def test_the_commands_of_the_machine_leave_their_rows(core: Core, tmp_path: Path) -> None:
    commands = Commands(core)
    assert commands.answer({"command": "verify"})["ok"]
    assert commands.answer({"command": "replay", "parked": False})["ok"]
    assert commands.answer({"command": "replay", "parked": True})["ok"]
    assert commands.answer({"command": "backup", "folder": str(tmp_path / "copies")})["ok"]
    assert [(actor, action) for actor, action, _, _ in deeds(core)] == [
        ("cli", "hub.verified"),
        ("cli", "hub.replayed"),
        ("cli", "parked.retried"),
        ("cli", "hub.backed_up"),
    ]


def test_a_restore_says_in_the_log_itself_what_it_took_away(core: Core, tmp_path: Path) -> None:
    copies, clock = tmp_path / "copies", ManualClock(EVENING_MS + 60_000)
    assert Commands(core).answer({"command": "backup", "folder": str(copies)})["ok"]
    for number in range(3):
        core.hub.enrolment.make_code(f"s{number}", Name("店", "Store"))
    core.hub.console.audit_log.sign()
    settings = core.hub.settings
    core.database.close()
    restore(settings, core.identity, copies, None, (clock, SeededChance("restore")))
    database = open_engine(settings.database_url)
    kept = AuditLog(database, core.identity, settings.folder, clock=clock)
    assert [row.action for row in kept.page(Filter(), 2)] == ["hub.restored", "log.restored"]
    assert kept.verify().whole
    database.close()


@pytest.mark.parametrize(
    "action",
    [
        *("store.code_made", "store.enrolled", "store.approved", "store.refused", "store.revoked", "store.handed_over"),
        *("hub.verified", "hub.replayed", "hub.backed_up", "hub.restored", "log.restored", "parked.retried"),
        *("member.revealed", "member.exported", "member.erased", "member.merged", "member.parted", "member.staff_set"),
        *("points.rules_published", "points.issue_done", "points.issue_waiting", "points.issue_refused"),
        *("referral.allowed", "referral.refused"),
    ],
)
def test_every_deed_has_words(action: str) -> None:
    assert words.load().has(f"deed.{action.replace('.', '_')}")
