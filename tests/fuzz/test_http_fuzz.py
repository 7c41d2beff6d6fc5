"""The node's API under everything that its own document allows and forbids: refusals, never a 5xx, never half a change."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from flask import Flask, request
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.result import Ok

from edge.app import create_app
from edge.services.care import verify_journal
from edge.services.care.status import Desk
from edge.web.access import COOKIE
from edge.web.live import StreamSeats
from edge.web.openapi import document
from tests.kit.nodes import PIN, Rig, uuid7_hex

CASES = 400 if os.environ.get("ZHANGGUI_DEEP") else 30
"""For each operation and mode; there are fifteen operations and two modes."""

TRIED = ("sessions", "pin_tries", "wrong_pins")
"""Tables that a refused sign-in may change."""


@dataclass
class Answers:
    """What came back."""

    statuses: dict[int, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)

    def note(self, case: schemathesis.Case[Any], status: int, text: str) -> None:
        self.statuses[status] = self.statuses.get(status, 0) + 1
        if status >= 500:
            self.faults.append(f"{case.method} {case.formatted_path}: {status} {text[:200]}")


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with Rig(tmp_path) as made:
        made.sell(1)
        yield made


def app_of(rig: Rig) -> Flask:
    return create_app(Desk(rig.node, link=lambda: None, devices=list), StreamSeats(2))


def token(app: Flask) -> str:
    answer = app.test_client().post("/api/v1/session", json={"pin": PIN, "till": "1"})
    cookie = answer.headers["Set-Cookie"]
    return cookie.split(";")[0].removeprefix(f"{COOKIE}=")


def fuzz(rig: Rig, app: Flask, mode: GenerationMode) -> Answers:
    """Try every operation of the document, signed in, so that requests reach what they ask for."""
    answers = Answers()
    rig.add_cashier()
    schema = schemathesis.openapi.from_dict(document())
    schema.app = app
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    assert len(operations) == sum(len(methods) for methods in document()["paths"].values())
    for operation in operations:
        if "text/event-stream" in operation.definition.raw["responses"].get("200", {}).get("content", {}):
            # A stream has no end that a client in this process could wait for.
            continue
        try_one(rig, app, operation.as_strategy(generation_mode=mode), answers)
    return answers


def try_one(rig: Rig, app: Flask, cases: st.SearchStrategy[schemathesis.Case[Any]], answers: Answers) -> None:
    @hypothesis_settings(
        max_examples=CASES,
        phases=[Phase.generate],
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases, near=st.booleans())
    def ask(case: schemathesis.Case[Any], near: bool) -> None:
        if near:
            come_near(case, sum(answers.statuses.values()))
        for table in ("pin_tries", "wrong_pins"):
            rig.db.write(lambda tx, table=table: tx.execute(f"DELETE FROM {table}"))  # type: ignore[misc]
        case.cookies = {**(case.cookies or {}), COOKIE: signed_in[0]}
        before = rig.tables(*TRIED)
        answer = case.call(base_url="http://localhost/api/v1")
        answers.note(case, answer.status_code, answer.text)
        # Who tried to get an approval and did not is journalled on purpose.
        silent = not case.path.endswith("/approvals")
        if answer.status_code >= 400 and silent and rig.tables(*TRIED) != before:
            answers.changed.append(f"{case.method} {case.formatted_path}: {answer.status_code}")
        if case.method.upper() == "DELETE" or case.path.endswith("/session/lock"):
            signed_in[0] = token(app)

    signed_in = [token(app)]
    # An operation that takes nothing has nothing that could be wrong.
    with contextlib.suppress(Unsatisfiable):
        ask()


def come_near(case: schemathesis.Case[Any], number: int) -> None:
    """Name what is really there, so that a request gets past the first refusal."""
    if "sale_id" in (case.path_parameters or {}):
        case.path_parameters["sale_id"] = uuid7_hex(1)
    lines = case.body.get("lines") if isinstance(case.body, dict) else None
    if isinstance(case.body, dict) and isinstance(lines, list):
        case.body.update(sale_id=uuid7_hex(1_000 + number), due_fen=None, menu_version=None, locale="en")
        case.body["tenders"] = [{"kind": "cash", "received_fen": 1_000_000_000}]
        for at, line in enumerate(lines):
            if isinstance(line, dict):
                line.update(dish_id="d102", qty=at + 1, modifiers=[], weight_g=0)


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.timeout(3_600 if os.environ.get("ZHANGGUI_DEEP") else 400)
def test_whatever_is_asked_is_answered_or_refused(rig: Rig, mode: GenerationMode) -> None:
    answers = fuzz(rig, app_of(rig), mode)
    assert answers.faults == []
    assert answers.changed == []
    assert sum(answers.statuses.values()) > 5 * CASES, answers.statuses
    assert 401 not in answers.statuses or answers.statuses[401] < sum(answers.statuses.values()) // 4, answers.statuses
    assert mode is GenerationMode.NEGATIVE or {201, 202, 400, 404, 422} <= set(answers.statuses), answers.statuses
    assert verify_journal.verify(rig.node).ok


@pytest.mark.timeout(3_600 if os.environ.get("ZHANGGUI_DEEP") else 400)
def test_a_fault_that_only_some_requests_meet_is_found(rig: Rig) -> None:
    """The negative control: one seeded 500, behind the same door."""
    app = app_of(rig)
    inner: Any = app.view_functions["api.read_totals"]

    def faulty() -> Any:
        if "day" in request.args:
            raise ZeroDivisionError
        return inner()

    app.view_functions["api.read_totals"] = faulty
    answers = fuzz(rig, app, GenerationMode.POSITIVE)
    assert answers.faults
    assert all("/totals" in fault for fault in answers.faults)
