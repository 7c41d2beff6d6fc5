"""People with roles at a rig: put in, signed in through HTTP, and a till's way to ask for an approval."""

from typing import Any

from edge.db.staff import Cashier, Session
from edge.domain.roles import Role
from tests.kit.nodes import PIN, Rig, uuid7_hex

API = "/api/v1"
CASHIER = Cashier("p-cashier", "小李", Role.CASHIER)
SUPERVISOR = Cashier("p-supervisor", "王领班", Role.SUPERVISOR)
MANAGER = Cashier("p-manager", "陈店长", Role.MANAGER)
OTHER_MANAGER = Cashier("p-manager-2", "周店长", Role.MANAGER)
PINS = {CASHIER: "173946", SUPERVISOR: "285017", MANAGER: "396184", OTHER_MANAGER: PIN}
OF_ROLE = {Role.CASHIER: CASHIER, Role.SUPERVISOR: SUPERVISOR, Role.MANAGER: MANAGER}


def staffed(rig: Rig, *people: Cashier) -> Rig:
    """Put people in; everybody of the kit where none is named."""
    for one in people or tuple(PINS):
        rig.add_person(one, PINS[one])
    return rig


def at(one: Cashier, till: str = "1") -> Session:
    """Give somebody's session without signing in."""
    return Session(till, *one)


def guest_of(rig: Rig) -> Any:
    """A browser of the real app at which nobody is signed in; untyped, as its answers' JSON is."""
    return rig.client(signed_in=False)


def client_of(rig: Rig, one: Cashier, till: str = "1") -> Any:
    """Sign somebody in through the real app."""
    client = guest_of(rig)
    answer = client.post(f"{API}/session", json={"till": till, "pin": PINS[one]})
    assert answer.status_code == 200, answer.text
    return client


def approval_body(number: int, needed: dict[str, Any], approver: Cashier, **changes: Any) -> dict[str, Any]:
    """What a till posts to ask for an approval of what a refusal named."""
    named = {key: value for key, value in needed.items() if key != "why"}
    return {"request_id": uuid7_hex(900_000 + number), "pin": PINS[approver], **named, **changes}
