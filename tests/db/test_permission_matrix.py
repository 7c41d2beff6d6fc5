"""Role × action × what it is about, through HTTP: exactly what the table of ux-security §10.5 says, and nothing that it does not.

The expectation is written out here a second time, by hand and in another form than `edge.domain.roles`: who may (Y), who needs
another's word (a), who may not (-), in the order cashier, supervisor, manager; and from which role on a word counts.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from flask import Blueprint, Response

from edge.app import create_app
from edge.domain import roles
from edge.domain.refusal import Refused
from edge.domain.roles import About, Action, Role
from edge.services import deeds
from edge.services.care import verify_journal
from edge.services.care.status import Desk
from edge.services.deeds import Deed, Done
from edge.services.people import permit
from edge.services.people.permit import Permitted
from edge.web import problems
from edge.web.access import command, desk, signed_in
from edge.web.live import StreamSeats
from sync.contract.people import SETTINGS_CHANGED, SettingsChanged
from tests.kit.nodes import Rig, uuid7_hex
from tests.kit.people import (
    API,
    CASHIER,
    MANAGER,
    OF_ROLE,
    OTHER_MANAGER,
    PINS,
    SUPERVISOR,
    approval_body,
    at,
    client_of,
    staffed,
)

ROLES = (Role.CASHIER, Role.SUPERVISOR, Role.MANAGER)
SAYS = {"Y": 200, "a": "needs_approval", "-": "not_allowed"}

PLAIN = {
    "sell": "YYY", "hold": "YYY", "reprint": "YYY", "tables": "YYY", "send": "YYY", "static_code": "YYY", "open_till": "YYY",
    "hand_over": "YYY", "close_till": "YYY", "stock": "YYY", "devices": "YYY", "cancel_order": "YYY",
    "gift": "aaY", "comp": "aaY", "override_price": "aaY", "reverse_sale": "-aY",
    "return_payment": "aYY", "return_deposit": "aYY", "open_drawer": "aYY", "move_cash": "aYY",
    "read_x": "-YY", "day_price": "-YY", "see_manager": "-YY",
    "draw_floor": "--Y", "import_menu": "--Y", "manage_people": "--Y", "unlock_person": "--Y", "settings": "--Y",
    "pair_terminal": "--Y", "practise": "--Y", "members": "YYY", "thank_member": "aYY", "reveal_member": "aYY", "forget_member": "aYY",
    "points_risk": "aaY", "waive_points": "aaY",
}  # fmt: skip
MATRIX: list[tuple[str, dict[str, Any], str]] = [
    *((action, {}, says) for action, says in PLAIN.items()),
    ("void_line", {}, "YYY"),
    ("void_line", {"sent": True}, "aYY"),
    ("discount", {"rate_bp": 0}, "aYY"),
    ("discount", {"rate_bp": 1_000}, "aYY"),
    ("discount", {"rate_bp": 1_001}, "aaY"),
    ("discount", {"rate_bp": 10_000}, "aaY"),
    ("refund", {"amount_fen": 10_000}, "aYY"),
    ("refund", {"amount_fen": 10_000, "own": True}, "aaY"),
    ("refund", {"amount_fen": 10_001}, "-aY"),
    ("refund", {"amount_fen": 10_001, "own": True}, "-aa"),
    ("refund", {"amount_fen": 1, "same_day": False}, "-aY"),
    ("refund", {"amount_fen": 1, "same_day": False, "own": True}, "-aa"),
    ("refund", {"amount_fen": 1, "other_way": True}, "-aY"),
    ("refund", {"amount_fen": 1, "other_way": True, "own": True}, "-aa"),
]
IDS = [
    f"{action}-{'-'.join(f'{key}={value}' for key, value in about.items()) or 'plain'}" for action, about, _ in MATRIX
]


class ProbeCommand(msgspec.Struct, frozen=True, kw_only=True):
    """Asks the table about anything."""

    request_id: str
    action: Action
    target: str = "o1"
    approval_id: str = ""
    sent: bool = False
    rate_bp: int = 0
    amount_fen: int = 0
    own: bool = False
    same_day: bool = True
    other_way: bool = False


class ProbeAnswer(msgspec.Struct, frozen=True):
    """Who else said so."""

    approved_by: str
    approval_id: str


probe = Blueprint("probe", __name__)


@probe.post("/api/v1/probe")
def ask() -> Response:
    asked = command(ProbeCommand)
    about = About(asked.sent, asked.rate_bp, asked.amount_fen, asked.own, asked.same_day, asked.other_way)

    def work(deed: Deed) -> ProbeAnswer | Refused:
        said = permit.permit(deed, asked.action, asked.target, about, asked.approval_id)
        if not isinstance(said, Permitted):
            return said
        deed.write(SETTINGS_CHANGED, SettingsChanged(key="probe", value='"done"'))
        return ProbeAnswer(said.approved_by, said.approval_id)

    done = deeds.transact(desk().node, signed_in(), asked.request_id, asked, work)
    if isinstance(done, Done):
        return Response(done.answer, mimetype="application/json")
    return problems.refused(done)


class House:
    """A store with everybody in it, and a browser for each."""

    def __init__(self, rig: Rig) -> None:
        self.rig = staffed(rig)
        app = create_app(Desk(rig.node, link=lambda: None, devices=list), StreamSeats(2))
        app.register_blueprint(probe)
        self.clients: dict[str, Any] = {}
        for one, pin in PINS.items():
            self.clients[one.cashier_id] = app.test_client()
            answer = self.clients[one.cashier_id].post(f"{API}/session", json={"till": "1", "pin": pin})
            assert answer.status_code == 200, answer.text
        self._asked = 0

    def probe(self, person_id: str, action: str, approval_id: str = "", **about: Any) -> tuple[int, dict[str, Any]]:
        self._asked += 1
        body = {"request_id": uuid7_hex(self._asked), "action": action, "approval_id": approval_id, **about}
        answer = self.clients[person_id].post(f"{API}/probe", json=body)
        return answer.status_code, answer.json

    def approve(self, asker: str, needed: dict[str, Any], approver: Any, **changes: Any) -> tuple[int, dict[str, Any]]:
        self._asked += 1
        body = approval_body(self._asked, needed, approver, **changes)
        answer = self.clients[asker].post(f"{API}/approvals", json=body)
        return answer.status_code, answer.json

    def refusals(self) -> list[tuple[str, str, str]]:
        return self.rig.rows("SELECT action, approver, refused FROM approvals WHERE refused <> '' ORDER BY n")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with Rig(tmp_path_factory.mktemp("matrix")) as rig:
        yield House(rig)


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[House]:
    with Rig(tmp_path) as rig:
        yield House(rig)
        report = verify_journal.verify(rig.node)
        assert report.ok, report.findings


def test_the_matrix_names_every_action() -> None:
    assert {action for action, _, _ in MATRIX} == {action.value for action in Action}


@pytest.mark.parametrize(("action", "about", "says"), MATRIX, ids=IDS)
def test_every_role_is_told_exactly_what_the_table_says(
    house: House, action: str, about: dict[str, Any], says: str
) -> None:
    for role, letter in zip(ROLES, says, strict=True):
        status, body = house.probe(OF_ROLE[role].cashier_id, action, **about)
        assert (body["code"] if status == 403 else status) == SAYS[letter], (role, body)
        if letter == "a":
            wanted = {"action": action, "target": "o1", "amount_fen": about.get("amount_fen", 0),
                      "rate_bp": about.get("rate_bp", 0)}  # fmt: skip
            assert body["details"] == wanted


@pytest.mark.parametrize(("action", "about", "says"), MATRIX, ids=IDS)
def test_a_word_counts_from_exactly_those_who_could_do_it_themselves(
    house: House, action: str, about: dict[str, Any], says: str
) -> None:
    """Whoever needs no word for another's deed may give it; the own sale is the requester's own, not the approver's."""
    others = next(
        row for name, kind, row in MATRIX if name == action and kind == {k: v for k, v in about.items() if k != "own"}
    )
    for role, letter in zip(ROLES, says, strict=True):
        if letter != "a":
            continue
        requester = OF_ROLE[role]
        for approver in (CASHIER, SUPERVISOR, MANAGER, OTHER_MANAGER):
            if approver == requester:
                continue
            needed = house.probe(requester.cashier_id, action, **about)[1]["details"]
            status, given = house.approve(requester.cashier_id, needed, approver)
            done = house.probe(requester.cashier_id, action, needed and given.get("approval_id", ""), **about)
            may = others[ROLES.index(approver.role)] == "Y"
            assert (done[0] == 200) == may, (requester, approver, given, done)
            if may:
                assert done[1]["approved_by"] == approver.cashier_id
            elif status == 201:
                # What only the deed knows (another day, cash back for a code) is looked at when the word is used.
                assert done[1]["details"]["why"] == "not_allowed"
            else:
                assert given["code"] == "approver_not_allowed"


def test_the_session_tells_each_role_the_same_for_its_menus(house: House) -> None:
    for role in ROLES:
        told = house.clients[OF_ROLE[role].cashier_id].get(f"{API}/session").json
        for action, says in PLAIN.items():
            letter = says[ROLES.index(role)]
            assert (action in told["may"], action in told["asks"]) == (letter == "Y", letter == "a"), (role, action)


def test_a_rule_that_allows_too_much_is_seen(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control of the matrix: a cashier who may change settings."""
    monkeypatch.setitem(roles._PLAIN, Action.SETTINGS, roles._PLAIN[Action.SELL])
    assert house.probe(CASHIER.cashier_id, "settings")[0] == 200


# ------------------------------------------------------------------------------------------------------------- approvals
def needed(house: House, **about: Any) -> dict[str, Any]:
    status, body = house.probe(CASHIER.cashier_id, "discount", **{"rate_bp": 1_500, **about})
    assert (status, body["code"]) == (403, "needs_approval")
    details: dict[str, Any] = body["details"]
    return details


def test_an_approval_is_used_once_and_a_replay_is_refused_and_recorded(fresh: House) -> None:
    status, given = fresh.approve(CASHIER.cashier_id, needed(fresh), MANAGER)
    assert (status, given["approver"]) == (201, MANAGER.name)
    done = fresh.probe(CASHIER.cashier_id, "discount", given["approval_id"], rate_bp=1_500)
    assert done == (200, {"approved_by": MANAGER.cashier_id, "approval_id": given["approval_id"]})
    status, body = fresh.probe(CASHIER.cashier_id, "discount", given["approval_id"], rate_bp=1_500)
    assert (status, body["details"]["why"]) == (403, "used")
    assert fresh.refusals() == [("discount", "", "used")]


def test_nobody_allows_themselves(fresh: House) -> None:
    details = fresh.probe(MANAGER.cashier_id, "refund", amount_fen=20_000, own=True)[1]["details"]
    status, body = fresh.approve(MANAGER.cashier_id, details, MANAGER)
    assert (status, body["code"]) == (403, "approval_own")
    assert fresh.refusals() == [("refund", MANAGER.cashier_id, "own")]
    status, given = fresh.approve(MANAGER.cashier_id, details, OTHER_MANAGER)
    assert status == 201
    assert fresh.probe(MANAGER.cashier_id, "refund", given["approval_id"], amount_fen=20_000, own=True)[0] == 200


def test_an_approval_lives_a_minute(fresh: House) -> None:
    _, given = fresh.approve(CASHIER.cashier_id, needed(fresh), MANAGER)
    fresh.rig.clock.advance(permit.VALID_MS)
    status, body = fresh.probe(CASHIER.cashier_id, "discount", given["approval_id"], rate_bp=1_500)
    assert (status, body["details"]["why"]) == (403, "expired")
    # A clock that was set back does not make it younger than it was.
    fresh.rig.clock.step_wall(-3_600_000)
    assert (
        fresh.probe(CASHIER.cashier_id, "discount", given["approval_id"], rate_bp=1_500)[1]["details"]["why"]
        == "expired"
    )
    assert [row[2] for row in fresh.refusals()] == ["expired", "expired"]


@pytest.mark.parametrize(
    ("person", "action", "about"),
    [
        (CASHIER, "discount", {"rate_bp": 2_000}),
        (CASHIER, "discount", {"rate_bp": 1_500, "target": "o2"}),
        (CASHIER, "discount", {"rate_bp": 1_500, "amount_fen": 1}),
        (CASHIER, "comp", {"rate_bp": 1_500}),
        (SUPERVISOR, "discount", {"rate_bp": 1_500}),
    ],
    ids=["rate", "target", "amount", "action", "requester"],
)
def test_an_approval_is_for_one_action_target_amount_and_person(
    fresh: House, person: Any, action: str, about: dict[str, Any]
) -> None:
    _, given = fresh.approve(CASHIER.cashier_id, needed(fresh), MANAGER)
    status, body = fresh.probe(person.cashier_id, action, given["approval_id"], **about)
    assert (status, body["details"]["why"]) == (403, "altered")
    assert fresh.refusals() == [(action, MANAGER.cashier_id, "altered")]
    # It was not used up by that.
    assert fresh.probe(CASHIER.cashier_id, "discount", given["approval_id"], rate_bp=1_500)[0] == 200


@pytest.mark.parametrize(
    "change", ["amount_fen = 1", "approver = 'p-cashier'", "rate_bp = 9000", "expires_ms = expires_ms + 1"]
)
def test_one_that_was_altered_in_the_file_does_not_hold(fresh: House, change: str) -> None:
    _, given = fresh.approve(CASHIER.cashier_id, needed(fresh), MANAGER)
    fresh.rig.db.write(lambda tx: tx.execute(f"UPDATE approvals_waiting SET {change}"))
    row = fresh.rig.rows("SELECT rate_bp, amount_fen FROM approvals_waiting")[0]
    status, body = fresh.probe(CASHIER.cashier_id, "discount", given["approval_id"], rate_bp=row[0], amount_fen=row[1])
    assert (status, body["details"]["why"]) == (403, "altered")
    assert fresh.refusals()[-1][2] == "altered"


def test_without_the_signature_an_altered_one_would_hold(fresh: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control."""
    monkeypatch.setattr("sync.node.keys.verified", lambda *_: True)
    _, given = fresh.approve(CASHIER.cashier_id, needed(fresh), MANAGER)
    fresh.rig.db.write(lambda tx: tx.execute("UPDATE approvals_waiting SET rate_bp = 9000"))
    assert fresh.probe(CASHIER.cashier_id, "discount", given["approval_id"], rate_bp=9_000)[0] == 200


def test_one_that_was_never_given_is_refused_and_recorded(fresh: House) -> None:
    status, body = fresh.probe(CASHIER.cashier_id, "discount", uuid7_hex(1), rate_bp=1_500)
    assert (status, body["details"]["why"]) == (403, "altered")
    assert fresh.refusals() == [("discount", "", "altered")]


def test_a_wrong_pin_of_an_approver_is_counted_and_recorded(fresh: House) -> None:
    for left in (4, 3, 2, 1):
        status, body = fresh.approve(CASHIER.cashier_id, needed(fresh), MANAGER, pin="000001")
        assert (status, body["details"]) == (401, {"tries_left": left})
    assert fresh.approve(CASHIER.cashier_id, needed(fresh), MANAGER, pin="000001")[1]["code"] == "pin_locked"
    # The till sells on, and who is named at it is not held up by it.
    assert fresh.probe(CASHIER.cashier_id, "sell")[0] == 200
    assert fresh.approve(CASHIER.cashier_id, needed(fresh), MANAGER)[1]["code"] == "pin_locked"
    assert fresh.approve(CASHIER.cashier_id, needed(fresh), MANAGER, person_id=MANAGER.cashier_id)[0] == 201
    assert [row[2] for row in fresh.refusals()] == ["wrong_pin"] * 4


def test_what_nobody_can_allow_this_role_is_refused_at_once_and_recorded(fresh: House) -> None:
    wanted = {"action": "refund", "target": "s1", "amount_fen": 10_001, "rate_bp": 0}
    status, body = fresh.approve(CASHIER.cashier_id, wanted, MANAGER)
    assert (status, body["code"]) == (403, "not_allowed")
    assert fresh.refusals() == [("refund", "", "not_allowed")]


def test_a_deed_that_is_refused_for_another_reason_leaves_its_approval_unused(fresh: House) -> None:
    _, given = fresh.approve(CASHIER.cashier_id, needed(fresh), MANAGER)

    def work(deed: Deed) -> Refused:
        said = permit.permit(deed, Action.DISCOUNT, "o1", About(rate_bp=1_500), given["approval_id"])
        assert isinstance(said, Permitted)
        return Refused("not_found")

    answer = deeds.transact(fresh.rig.node, at(CASHIER), uuid7_hex(77), ProbeAnswer("", ""), work)
    assert answer == Refused("not_found")
    assert fresh.probe(CASHIER.cashier_id, "discount", given["approval_id"], rate_bp=1_500)[0] == 200


def test_asking_again_under_the_same_id_gives_the_same_approval(fresh: House) -> None:
    body = approval_body(1, needed(fresh), MANAGER)
    client = fresh.clients[CASHIER.cashier_id]
    first, second = client.post(f"{API}/approvals", json=body), client.post(f"{API}/approvals", json=body)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.data == second.data
    assert fresh.rig.rows("SELECT count(*) FROM approvals_waiting") == [(1,)]


def test_a_manager_sees_what_became_of_approvals_and_a_cashier_does_not(fresh: House) -> None:
    fresh.approve(CASHIER.cashier_id, needed(fresh), MANAGER)
    fresh.approve(CASHIER.cashier_id, needed(fresh), CASHIER)
    told = fresh.clients[MANAGER.cashier_id].get(f"{API}/approvals").json["approvals"]
    assert [(one["approver"], one["refused"]) for one in told] == [
        (CASHIER.cashier_id, "own"),
        (MANAGER.cashier_id, ""),
    ]
    assert fresh.clients[CASHIER.cashier_id].get(f"{API}/approvals").json["code"] == "not_allowed"


LOOKED_AFTER = (
    ("GET", "/devices"), ("POST", "/devices/counter/hold"), ("POST", "/devices/counter/release"), ("POST", "/devices/counter/retry"),
    ("POST", "/devices/counter/accept"), ("POST", "/devices/counter/test"), ("GET", "/print-jobs"), ("POST", f"/print-jobs/{'0' * 32}/retry"),
    ("POST", f"/print-jobs/{'0' * 32}/discard"), ("POST", f"/print-jobs/{'0' * 32}/redirect"), ("POST", "/printers/counter/stale"),
    ("POST", f"/sales/{'0' * 32}/reprint"),
)  # fmt: skip


def test_slips_devices_copies_and_takings_ask_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with Rig(tmp_path) as rig:
        staffed(rig)
        cashier, manager = client_of(rig, CASHIER), client_of(rig, MANAGER)
        assert cashier.get(f"{API}/totals").json["code"] == "not_allowed", (
            "a blind count is none for who reads the takings"
        )
        assert manager.get(f"{API}/totals").status_code == 200

        def codes(client: Any) -> set[str]:
            answers = (client.open(API + path, method=method, json={}) for method, path in LOOKED_AFTER)
            return {
                "not_allowed" if (answer.json or {}).get("code") == "not_allowed" else "asked" for answer in answers
            }

        assert codes(cashier) == {"asked"}
        for action in (Action.DEVICES, Action.REPRINT):
            monkeypatch.setitem(roles._PLAIN, action, roles._Rule(frozenset({Role.MANAGER})))
        assert codes(cashier) == {"not_allowed"}
        assert codes(manager) == {"asked"}
