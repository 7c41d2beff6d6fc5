"""What the register says of who may is what each route asks: the table denies everything, and every request is refused by that action."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from edge.app import create_app, create_guest_app
from edge.domain import functions, roles
from edge.domain.functions import EVERYONE, Function
from edge.domain.roles import Action, Verdict
from edge.services.care.status import Desk
from edge.services.house.lan import Lan
from edge.services.ordering import orders as order_deeds
from edge.web.live import StreamSeats
from tests.architecture.checkout import ROOT
from tests.architecture.test_functions import plain
from tests.architecture.test_quality import names_a_test
from tests.kit import function_samples as samples
from tests.kit.nodes import COUNTER, Rig, uuid7_hex
from tests.kit.people import MANAGER, PINS, staffed

DRAWER = {"kind": "drawer", "id": "drawer", "printer": "counter"}
REGISTER = functions.read((ROOT / "edge" / "functions.toml").read_text(encoding="utf-8"))
ROUTES = [(one, route) for one in REGISTER for route in one.routes]


class House:
    """The store with everything that samples name, a node that nobody set up, and a table that denies all and notes what it was asked."""

    def __init__(self, folder: Any) -> None:
        self.rig = staffed(Rig(folder / "store", devices=(COUNTER, DRAWER)))
        self.fresh = Rig(folder / "fresh", enrolled=False)
        self.node = samples.furnish(self.rig).node
        self.asked: list[Action] = []
        self.number = 0
        desk, empty = (
            Desk(node, link=lambda: None, devices=list, asks=not at)
            for at, node in enumerate((self.fresh.node, self.node))
        )
        apps = {"fresh": create_app(desk, StreamSeats(4)), "store": create_app(empty, StreamSeats(4))}
        apps["guest"] = create_guest_app(empty, Lan(), lambda _: True)
        self.strangers: dict[str, Any] = {name: app.test_client() for name, app in apps.items()}
        self.manager: Any = apps["store"].test_client()

    def deny(self, _role: object, action: Action, *_: object) -> Verdict:
        self.asked.append(action)
        return Verdict.DENIED

    def ask(self, route: str, *, signed_in: bool) -> Any:
        """Send a route's sample; what the table was asked by it stands in `asked` afterwards."""
        sample = samples.sample_of(route)
        assert sample is not None
        at = "guest" if route.startswith("guest ") else "fresh" if sample.fresh else "store"
        client = self.strangers[at]
        if signed_in and at == "store":
            client = self.manager
            if client.post("/api/v1/session/seen").status_code == 401:
                assert client.post("/api/v1/session", json={"till": "1", "pin": PINS[MANAGER]}).status_code == 200
        elif at == "store":
            client.delete_cookie("zhanggui_till")
        address, verb = plain(route)
        method, rule = address.removeprefix("guest ").split(" ")
        self.asked.clear()
        # Each under an id of its own, so that no request is the repeat of another.
        self.number += 1
        body, form = (
            None if one is None else json.loads(json.dumps(one).replace(samples.FRESH, uuid7_hex(5_000 + self.number)))
            for one in (sample.body, sample.form)
        )
        said = {"json": body} if body is not None else {"data": form} if form else {}
        answer = client.open(samples.address_of(rule, verb, sample), method=method, **said)
        # A stream never ends by itself.
        answer.response.close() if answer.is_streamed else None
        return answer


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("functions"))
    with pytest.MonkeyPatch.context() as patch, made.rig, made.fresh:
        patch.setattr(roles, "decide", made.deny)
        yield made


def refused_for(house: House, answer: Any) -> str:
    """Name the action for which somebody was turned away; empty where nobody was."""
    if answer.status_code == 403 and answer.is_json:
        return str(answer.json["details"].get("action", "")) if answer.json["code"] == "not_allowed" else ""
    turned = answer.status_code in {401, 403} or "not_allowed" in answer.headers.get("Location", "")
    return house.asked[-1].value if turned and house.asked else ""


def wrong(house: House, one: Function, route: str) -> str:
    """Say how a route differs from what the register says of it; empty where it does not."""
    sample = samples.sample_of(route)
    if sample is None:
        return "say in tests/kit/function_samples.py what is sent"
    if sample.shown:
        return "" if names_a_test(sample.shown) else f"there is no test {sample.shown}"
    signed_in = house.ask(route, signed_in=True)
    asks = refused_for(house, signed_in)
    asks = "" if asks == sample.about else asks
    alone = house.ask(route, signed_in=False)
    # A page may lead to the till, where one signs in, instead of saying so.
    stranger = alone.status_code == 401 or (alone.status_code == 302 != signed_in.status_code)
    if one.role in {action.value for action in Action}:
        return "" if asks == one.role and stranger else f"asks for {asks!r} ({signed_in.status_code}), not {one.role!r}"
    if asks:
        return f"asks for {asks!r}, and is registered for {one.role}"
    if (one.role == EVERYONE) != stranger:
        return f"is registered for {one.role}, and turns a stranger away: {stranger}"
    return ""


def test_every_route_asks_for_what_the_register_says(house: House) -> None:
    found = [(route, fault) for one, route in ROUTES if (fault := wrong(house, one, route))]
    assert found == []


@pytest.mark.parametrize(
    ("route", "role"),
    [
        ("POST /api/v1/settings", "sell"),
        ("POST /api/v1/settings", "everyone"),
        ("GET /api/v1/menu", "guest"),
        ("POST /api/v1/kitchen/bump", "everyone"),
        ("POST /api/v1/orders/<order_id>/steps void", "gift"),
    ],
)
def test_a_role_that_is_registered_wrong_is_found(house: House, route: str, role: str) -> None:
    one = next(each for each, said in ROUTES if said == route)
    assert wrong(house, one, route) == ""
    assert wrong(house, msgspec.structs.replace(one, role=role), route)


def test_a_use_case_that_asks_for_nothing_is_found(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    route = "POST /api/v1/orders table"
    one = next(each for each, said in ROUTES if said == route)
    monkeypatch.setattr(order_deeds, "permit", lambda *_: None)
    assert wrong(house, one, route)
