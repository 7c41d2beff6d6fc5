"""Requests that a document allows and forbids, by the thousand, against the app that it describes: node or hub.

Every operation is tried in both modes of schemathesis: what its schema allows, and what it forbids. Three requests in four name
what is really there, so that they get past the first refusal. Whatever comes back is an answer or a refusal, never a 5xx; and what
a node refuses leaves its file as it was.
"""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.result import Ok

from cloud import app as hub_app
from cloud.web import openapi as hub_openapi
from edge.app import create_app
from edge.services.care.status import Desk
from edge.services.ordering import orders
from edge.services.ordering.order_work import AddStep, SendStep
from edge.services.ordering.orders import OpenOrderCommand
from edge.web.access import COOKIE
from edge.web.live import StreamSeats
from edge.web.openapi import document
from sync.contract.words import Name
from sync.node import database
from sync.node.ports import ManualClock
from tests.kit.hub_stores import EVENING_MS, StoreByHand, open_hub
from tests.kit.nodes import AT_TILL_1, CASHIER, PIN, Rig, uuid7_hex

TRIED = ("sessions", "pin_tries", "wrong_pins")
"""Tables of a node that a refused sign-in may change."""
TOLD_OF = ("/approvals",)
"""Who tried to get an approval and did not is journalled on purpose."""
MODES = tuple(GenerationMode)
FAULTS_KEPT = 20
_FRESH = 100_000
_NEAR = 4


@dataclass
class Answers:
    """What came back: how often which status, cases of each operation, and what must not be."""

    statuses: Counter[int] = field(default_factory=Counter)
    cases: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    server_errors: int = 0
    changed: list[str] = field(default_factory=list)

    def add(self, other: "Answers") -> None:
        """Count what somebody else saw too."""
        self.statuses += other.statuses
        self.cases += other.cases
        self.server_errors += other.server_errors
        self.faults = (self.faults + other.faults)[:FAULTS_KEPT]
        self.changed += other.changed


@dataclass
class Door:
    """An app with its document and whoever may use it.

    Attributes:
        known: values that are really there, by the name of the field or parameter.
        sign_in: gives cookies and headers of somebody who may do everything.
        before: makes room for the next request.
        rows: everything that is kept, where that must not change by a refusal.
        version: rises with every commit.
    """

    name: str
    app: Flask
    document: dict[str, Any]
    known: Mapping[str, tuple[Any, ...]]
    sign_in: Callable[[], tuple[dict[str, str], dict[str, str]]]
    before: Callable[[], None] = lambda: None
    rows: Callable[[], object] | None = None
    version: Callable[[], int] = lambda: 0

    def __post_init__(self) -> None:
        """Nobody is signed in yet."""
        self.seen: tuple[int, object] = (-1, None)
        self.who: tuple[dict[str, str], dict[str, str]] = ({}, {})


@contextlib.contextmanager
def node_door(folder: Path) -> Iterator[tuple[Door, Rig]]:
    """Lend a node that has sold, with an open order, and a manager at its till."""
    with Rig(folder) as rig:
        rig.sell(1)
        rig.add_cashier()
        order_id, line_id = uuid7_hex(2), uuid7_hex(3)
        steps = (AddStep(line_id=line_id, dish_id="d102", qty=9), SendStep())
        opened = OpenOrderCommand(order_id=order_id, service="dine_in", table="t1", covers=2, steps=steps)
        orders.open_order(rig.node, AT_TILL_1, opened)
        watch: Any = database.connect(folder / "node.db", read_only=True)
        app = create_app(Desk(rig.node, link=lambda: None, devices=list), StreamSeats(2))

        def sign_in() -> tuple[dict[str, str], dict[str, str]]:
            answer = app.test_client().post("/api/v1/session", json={"pin": PIN, "till": "1"})
            return {COOKIE: answer.headers["Set-Cookie"].split(";")[0].removeprefix(f"{COOKIE}=")}, {}

        def before() -> None:
            for table in ("pin_tries", "wrong_pins"):
                rig.db.write(lambda tx, table=table: tx.execute(f"DELETE FROM {table}"))  # type: ignore[misc]

        door = Door(
            name="node",
            app=app,
            document=document(),
            known=_known_at_node(order_id, line_id),
            sign_in=sign_in,
            before=before,
            rows=lambda: rig.tables(*TRIED),
            version=lambda: int(watch.execute("PRAGMA data_version").fetchone()[0]),
        )
        try:
            yield door, rig
        finally:
            watch.close()


@contextlib.contextmanager
def hub_door(folder: Path) -> Iterator[Door]:
    """Lend a hub with the sales of a store, for whoever has its token."""
    folder.mkdir(parents=True, exist_ok=True)
    clock = ManualClock(EVENING_MS)
    core = open_hub(folder, clock)
    store = StoreByHand(core, "near", Name("近店", "Near"), clock)
    sale = store.sell([("宫保鸡丁", 2, 3800)], at_ms=EVENING_MS - 5_000)
    store.deliver()
    token = (folder / "api-token.txt").read_text(encoding="ascii").strip()
    known = {"store": ("near", "far"), "sale_id": (sale.sale_id,), "epoch": (1,), "of": (1,), "lane": (0, 1)}
    app = hub_app.create_app(core.hub)
    try:
        yield Door("hub", app, hub_openapi.build("0"), known, lambda: ({}, {"Authorization": f"Bearer {token}"}))
    finally:
        core.database.close()


def operations(door: Door) -> list[Any]:
    """Give every operation of the document that ends: a stream has no end that a client in this process could wait for.

    Raises:
        AssertionError: schemathesis could not read one of them.
    """
    schema = schemathesis.openapi.from_dict(door.document)
    schema.app = door.app
    found = [one.ok() for one in schema.get_all_operations() if isinstance(one, Ok)]
    assert len(found) == sum(len(methods) for methods in door.document["paths"].values())
    return [
        one
        for one in found
        if "text/event-stream" not in one.definition.raw["responses"].get("200", {}).get("content", {})
    ]


def fuzz(door: Door, mode: GenerationMode, wanted: Iterable[Any], count: int) -> Answers:
    """Try operations in a mode, each so often; one that takes nothing is asked once."""
    answers = Answers()
    door.who = door.sign_in()
    for operation in wanted:
        _try_one(door, operation.as_strategy(generation_mode=mode), count, answers)
    return answers


def _try_one(door: Door, cases: st.SearchStrategy[schemathesis.Case[Any]], count: int, answers: Answers) -> None:
    @hypothesis_settings(
        max_examples=count,
        phases=[Phase.generate],
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases, near=st.integers(0, _NEAR - 1))
    def ask(case: schemathesis.Case[Any], near: int) -> None:
        number = answers.statuses.total()
        if near:
            _come_near(case, door.known, number, near)
        door.before()
        before = _rows(door)
        cookies, headers = door.who
        case.cookies = {**(case.cookies or {}), **cookies}
        answer = case.call(base_url="http://localhost/api/v1", headers=headers)
        _note(door, case, (answer.status_code, answer.text), before, answers)
        if case.method.upper() == "DELETE" or case.path.endswith(("/session/lock", "/session")):
            door.who = door.sign_in()

    with contextlib.suppress(Unsatisfiable):
        # An operation that takes nothing has nothing that could be wrong.
        ask()


def _note(door: Door, case: schemathesis.Case[Any], answer: tuple[int, str], before: object, answers: Answers) -> None:
    status, text = answer
    said = f"{door.name}: {case.method} {case.formatted_path}: {status}"
    answers.statuses[status] += 1
    answers.cases[f"{door.name} {case.method} {case.path}"] += 1
    # 503 is how a health page says that something is ill; nothing else may.
    if status >= 500 and not (status == 503 and case.path.endswith("/health")):
        answers.server_errors += 1
        if len(answers.faults) < FAULTS_KEPT:
            answers.faults.append(f"{said} {text[:200]}")
    silent = not case.path.endswith(TOLD_OF)
    if status >= 400 and silent and _rows(door) != before:
        answers.changed.append(said)


def _rows(door: Door) -> object:
    """Read everything that is kept, unless nobody wrote since."""
    if door.rows is None:
        return None
    version = door.version()
    if version != door.seen[0]:
        door.seen = (version, door.rows())
    return door.seen[1]


def _come_near(case: schemathesis.Case[Any], known: Mapping[str, tuple[Any, ...]], number: int, near: int) -> None:
    """Name what is really there; of ids that a till draws every other one is new."""
    for parameters in (case.path_parameters, case.query):
        for key in parameters or {}:
            if key in known:
                parameters[key] = known[key][number % len(known[key])]
    _fill(case.body, known, number, near)


def _fill(value: object, known: Mapping[str, tuple[Any, ...]], number: int, near: int) -> None:
    if isinstance(value, list):
        for at, one in enumerate(value):
            _fill(one, known, number + at, near)
    if not isinstance(value, dict):
        return
    for key in value:
        if key in known:
            value[key] = known[key][number % len(known[key])]
        elif key.endswith("_id") and isinstance(value[key], str) and near > 1:
            value[key] = uuid7_hex(_FRESH + number)
        else:
            _fill(value[key], known, number, near)
    if "tenders" in value:
        value["tenders"] = [{"kind": "cash", "received_fen": 1_000_000_000}]


def _known_at_node(order_id: str, line_id: str) -> dict[str, tuple[Any, ...]]:
    sales = (uuid7_hex(1), *(uuid7_hex(_FRESH + number) for number in range(1_000, 1_300)))
    return {
        "sale_id": sales,
        "order_id": (order_id,),
        "line_id": (line_id, uuid7_hex(4), uuid7_hex(5)),
        "person_id": (CASHIER.cashier_id,),
        "dish_id": ("d102", "d103", "d102"),
        "device_id": ("counter",),
        "printer_id": ("counter",),
        "day": ("2026-09-21", "2026-09-22"),
        "qty": (1, 2),
        "modifiers": ([],),
        "parts": ([],),
        "weight_g": (0,),
        "unit_fen": (-1,),
        "due_fen": (None,),
        "shown_fen": (None,),
        "menu_version": (None,),
        "locale": ("en", "zh-CN"),
        "reason": ("because",),
        "table": ("t1", "t2", ""),
        "till": ("1",),
        "approval_id": ("",),
        "approvals": ({},),
    }
