"""The register of functions: every route, key and menu entry of the node stands in it once, and every proof that it names exists."""

import re
from types import SimpleNamespace
from typing import Any, cast, get_args

import msgspec
import pytest
from flask import Flask

from edge.app import create_app, create_guest_app
from edge.domain import functions
from edge.domain.functions import Function, Offline
from edge.services.house.lan import Lan
from edge.services.money.payments import TakeCommand
from edge.services.ordering.order_work import Step
from edge.services.shifts.shifts import CashCommand
from edge.web.live import StreamSeats
from tests.architecture.checkout import ROOT
from tests.architecture.test_quality import names_a_test
from tests.kit import till_screens

REGISTER = ROOT / "edge" / "functions.toml"
FINER = {
    "price": {"price.unit", "price.gift", "price.discount"},
    "discount": {"discount", "discount.comp"},
    "edit": {"edit", "edit.held"},
}
"""Steps of an order that are several functions for a person."""


def text() -> str:
    return REGISTER.read_text(encoding="utf-8")


def register() -> tuple[Function, ...]:
    return functions.read(text())


def verbs(module: str) -> set[str]:
    """What a form's address may end with, as the view tells them apart."""
    source = (ROOT / "edge" / "web" / module).read_text(encoding="utf-8")
    cases = re.findall(r"^ +case ((?:\"\w+\"(?: \| )?)+):", source, re.MULTILINE)
    return {verb for case in cases for verb in re.findall(r'"(\w+)"', case)}


def literals(command: type, field: str) -> set[str]:
    found = get_args(command.__annotations__[field])
    return {str(each) for each in found}


def several() -> dict[str, set[str]]:
    """The routes that do several things, and which."""
    devices, slips = verbs("devices.py"), {"retry", "redirect", "discard"}
    steps = {msgspec.inspect.type_info(kind).tag for kind in get_args(Step)}  # type: ignore[attr-defined]
    return {
        "POST /api/v1/session": {"pin", "badge"},
        "POST /api/v1/orders": {"table", "away"},
        "POST /api/v1/orders/<order_id>/steps": {each for step in steps for each in FINER.get(str(step), {str(step)})},
        "POST /api/v1/payments": literals(TakeCommand, "kind"),
        "POST /api/v1/refunds": {"whole", "lines", "amount"},
        "POST /api/v1/shift/cash": literals(CashCommand, "move"),
        "POST /devices/<device_id>/<verb>": devices - {"redirect", "discard"},
        "POST /devices/_slips/<job_id>/<verb>": slips,
        "POST /staff/<person_id>/<verb>": verbs("first_start.py"),
    }


def apps() -> dict[str, Flask]:
    """The node's app and the one for guests; nothing of them is asked."""
    desk, some = cast("Any", SimpleNamespace(node=SimpleNamespace())), cast("Any", object())
    guests = create_guest_app(desk, Lan(), lambda _: True)
    return {"": create_app(desk, StreamSeats(1), devices=some, care=some), "guest ": guests}


def routes() -> set[str]:
    return {
        f"{prefix}{method} {rule.rule}"
        for prefix, app in apps().items()
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    }


def plain(route: str) -> tuple[str, str]:
    """Take a route of the register apart: the route, and which of the things that it does."""
    found = re.fullmatch(r"((?:guest )?[A-Z]+ \S+)(?: (\S+))?", route)
    assert found, route
    return found[1], found[2] or ""


def wrong_routes(said: list[str], there: set[str]) -> list[str]:
    """Say which routes are not registered as they are."""
    known = several()
    found = []
    for route in sorted(there | {plain(each)[0] for each in said}):
        mine = [which for each, which in map(plain, said) if each == route]
        if route not in there:
            found.append(f"{route}: no such route")
        elif not mine:
            found.append(f"{route}: not registered")
        elif sorted(mine) != sorted(known.get(route, {""})):
            found.append(f"{route}: registered for {sorted(mine)}, does {sorted(known.get(route, {''}))}")
    return found


def test_every_route_is_a_function_once() -> None:
    assert wrong_routes([route for one in register() for route in one.routes], routes()) == []


def test_every_key_is_a_function_once() -> None:
    found = till_screens.keys_of(till_screens.sources())
    said = [key for one in register() for key in one.keys]
    assert len(found) > 40
    assert (sorted(found - set(said)), sorted(set(said) - found)) == ([], [])


def test_every_entry_of_a_menu_is_a_function_once() -> None:
    found = till_screens.menu_of(till_screens.sources())
    said = [entry for one in register() for entry in one.menu]
    assert len(found) > 50
    assert (sorted(found - set(said)), sorted(set(said) - found)) == ([], [])


def test_every_proof_is_a_test_that_exists() -> None:
    assert [(one.id, one.proof) for one in register() if not names_a_test(one.proof)] == []


def test_the_page_of_what_works_now_has_something_to_list() -> None:
    found = {one.offline for one in functions.of_people(register())}
    assert found == set(Offline)


# ------------------------------------------------------------------------------------------------------ negative controls
@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('role = "sell"', 'role = "sing"', "no action is called sing"),
        ('id = "order.add"', 'id = "order.open"', "order.open is said twice"),
        ('"till:F1"', '"till:F2"', "till:F2 is said twice"),
        ('"POST /api/v1/sales"', '"POST /api/v1/deposits"', "/api/v1/deposits is said twice"),
        ('offline = "network"', 'offline = "perhaps"', "perhaps"),
        ('offline = "network"', 'offline = "full"', "says its limit"),
        ("presses = 520", "presses = -1", "below zero"),
        ('zh = "送厨"', 'zh = ""', "in both languages"),
        ("presses = 520", "presses = 520\nspeed = 1", "speed"),
    ],
)
def test_a_wrong_register_is_not_read(old: str, new: str, fault: str) -> None:
    assert old in text()
    with pytest.raises(ValueError, match=re.escape(fault)):
        functions.read(text().replace(old, new, 1))


def test_a_route_that_nobody_registered_or_that_is_gone_is_found() -> None:
    said = [route for one in register() for route in one.routes]
    assert "POST /api/v1/singing: not registered" in wrong_routes(said, routes() | {"POST /api/v1/singing"})
    assert "GET /api/v1/menu: no such route" in wrong_routes(said, routes() - {"GET /api/v1/menu"})
    without = [route for route in said if not route.endswith("/steps gift") and not route.endswith("/steps send")]
    assert any("/steps: registered for" in fault for fault in wrong_routes(without, routes()))


def test_a_key_and_an_entry_that_nobody_registered_are_found() -> None:
    modules = till_screens.sources()
    keys, entries = till_screens.keys_of(modules), till_screens.menu_of(modules)
    more = {
        **modules,
        "till/keys": modules["till/keys"].replace('case "F8":', 'case "F8":\n    case "F11":'),
        "till/more": modules["till/more"].replace('  ["lock",', '  ["sing", "cash", "", "", () => {}],\n  ["lock",'),
    }
    assert till_screens.keys_of(more) - keys == {"till:F11"}
    assert till_screens.menu_of(more) - entries == {"more:sing"}
