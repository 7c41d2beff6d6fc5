"""Signing in, approvals, and the staff of the store."""

from scripts.offline.counter import API, PINS, Counter
from scripts.offline.frame import drives, hold

NEW_PINS = iter(("739482", "853617", "974183", "862749", "793648", "918475", "586297", "478592", "697384"))
"""PINs for newcomers; a PIN is one person's in a store."""


def newcomer(counter: Counter, name: str) -> tuple[str, str]:
    """Put a cashier in; gives their id and PIN."""
    request_id, pin = counter.id(), next(NEW_PINS)
    body = {"request_id": request_id, "name": name, "role": "cashier", "locale": "zh-CN", "pin": pin}
    return str(counter.do("POST", "people", body, "manager")["id"]), pin


def may_sign_in(counter: Counter, pin: str) -> bool:
    """Say whether a PIN opens a till."""
    return counter.stranger().ask("POST", f"{API}/session", {"till": "2", "pin": pin}).fine


@drives("people.sign_in")
def sign_in(counter: Counter) -> None:
    """A cashier picks their name and types their PIN; the till says who is there."""
    door = counter.stranger()
    listed = door.ask("GET", f"{API}/sign-in").body["people"]
    hold(counter.people["cashier"] in {one["id"] for one in listed}, "the cashier can be picked")
    wanted = {"till": "1", "pin": PINS["cashier"], "person_id": counter.people["cashier"]}
    hold(door.ask("POST", f"{API}/session", wanted).fine, "the PIN opens the till")
    status = door.ask("GET", f"{API}/status").body
    hold(status["signed_in"] and status["cashier"]["id"] == counter.people["cashier"], "the till knows who is there")


@drives("people.badge_in")
def badge_in(counter: Counter) -> None:
    """A badge is typed by its scanner at the sign-in page."""
    person_id, _ = newcomer(counter, "Badge One")
    body = {"request_id": counter.id(), "badge": "ZGS-7K2M4PX"}
    counter.do("POST", f"people/{person_id}/badge", body, "manager")
    answer = counter.stranger().ask("POST", f"{API}/session", {"till": "2", "badge": "ZGS-7K2M4PX"})
    hold(answer.fine and answer.body["cashier"]["id"] == person_id, "the badge opens the till")


@drives("people.menus")
def menus(counter: Counter) -> None:
    """Each role is told what it may do, and what it may ask for."""
    cashier, manager = (counter.do("GET", "session", who=who) for who in ("cashier", "manager"))
    hold("sell" in cashier["may"] and "gift" in cashier["asks"], "a cashier sells, and asks for a gift")
    hold("settings" not in cashier["may"] + cashier["asks"], "a cashier sees no settings")
    hold("settings" in manager["may"], "a manager does")
    counter.do("POST", "session/seen")


@drives("people.sign_out")
def sign_out(counter: Counter) -> None:
    """Nobody sells with the session of somebody who went home."""
    door = counter.sign_in("second")
    hold(door.ask("DELETE", f"{API}/session").fine, "signing out")
    hold(not door.ask("GET", f"{API}/menu").fine, "the session is over")


@drives("people.lock")
def lock(counter: Counter) -> None:
    """A locked till sells nothing, and the PIN opens it again."""
    door = counter.sign_in("second")
    hold(door.ask("POST", f"{API}/session/lock").fine, "locking")
    hold(door.ask("GET", f"{API}/session").body["locked"], "the till says that it is locked")
    hold(door.ask("GET", f"{API}/menu").body["code"] == "session_locked", "a locked till tells nothing")
    counter.sign_in("second", door)
    hold(door.ask("GET", f"{API}/menu").fine, "the PIN opens it")


@drives("people.language")
def language(counter: Counter) -> None:
    """Somebody's language goes along to every till."""
    for locale in ("en", "zh-CN"):
        counter.do("POST", "session/locale", {"request_id": counter.id(), "locale": locale})
        hold(counter.do("GET", "session")["locale"] == locale, f"the session is in {locale}")


@drives("people.own_pin")
def own_pin(counter: Counter) -> None:
    """The new PIN opens a till and the old one does not."""
    _, pin = newcomer(counter, "Pin One")
    door = counter.stranger()
    hold(door.ask("POST", f"{API}/session", {"till": "2", "pin": pin}).fine, "the first PIN opens a till")
    fresh = next(NEW_PINS)
    body = {"request_id": counter.id(), "pin": pin, "new_pin": fresh}
    hold(door.ask("POST", f"{API}/session/pin", body).fine, "the PIN is changed")
    hold(may_sign_in(counter, fresh) and not may_sign_in(counter, pin), "only the new PIN opens a till")


@drives("people.approve")
def approve(counter: Counter) -> None:
    """A cashier's discount needs a word; it is given at the same till and counts once."""
    order_id, (line_id,) = counter.opened()
    step = {"do": "price", "line_id": line_id, "gift": True, "reason": "guest waited"}
    refused = counter.ask("POST", f"orders/{order_id}/steps", {"request_id": counter.id(), "steps": [step]})
    hold(refused.status == 403, "a cashier's gift asks for a word")  # noqa: PLR2004 - forbidden
    approval_id = counter.approve(refused.body["details"])
    counter.steps(order_id, {**step, "approval_id": approval_id})
    hold(counter.bill(order_id)["total_fen"] == 0, "the dish is a gift")


@drives("people.approvals")
def approvals(counter: Counter) -> None:
    """The manager sees who said yes to what."""
    order_id, (line_id,) = counter.opened()
    step = {"do": "price", "line_id": line_id, "gift": True, "reason": "guest waited"}
    body = {"request_id": counter.id(), "steps": [step]}
    approval_id = counter.approve(counter.ask("POST", f"orders/{order_id}/steps", body).body["details"])
    counter.steps(order_id, {**step, "approval_id": approval_id})
    listed = counter.do("GET", "approvals?limit=20", who="manager")["approvals"]
    hold(approval_id in {one["approval_id"] for one in listed}, "the approval is on the list")


# ------------------------------------------------------------------------------------------------------------- the staff
@drives("house.people")
def people(counter: Counter) -> None:
    """The staff page names everybody."""
    hold("Cai Cashier" in counter.page("/staff", "manager"), "the page names the cashier")
    listed = counter.do("GET", "people", who="manager")["people"]
    hold(counter.people["cashier"] in {one["id"] for one in listed}, "the list does too")


@drives("house.person_add")
def person_add(counter: Counter) -> None:
    """Somebody new signs in and sells at once."""
    _, pin = newcomer(counter, "New One")
    door = counter.stranger()
    hold(door.ask("POST", f"{API}/session", {"till": "2", "pin": pin}).fine, "the newcomer signs in")
    body = {
        "sale_id": counter.id(),
        "lines": [{"dish_id": "d210", "qty": 1}],
        "tenders": [{"kind": "cash", "received_fen": 10_000}],
    }
    hold(door.ask("POST", f"{API}/sales", body).fine, "the newcomer sells")


@drives("house.person_change")
def person_change(counter: Counter) -> None:
    """A supervisor of today may what a cashier of yesterday had to ask for."""
    person_id, pin = newcomer(counter, "Change One")
    body = {"request_id": counter.id(), "name": "Changed One", "role": "supervisor", "locale": "en"}
    counter.do("POST", f"people/{person_id}", body, "manager")
    answer = counter.stranger().ask("POST", f"{API}/session", {"till": "2", "pin": pin}).body
    hold("read_x" in answer["may"] and answer["cashier"]["name"] == "Changed One", "the new role holds")


@drives("house.person_leave")
def person_leave(counter: Counter) -> None:
    """Whoever left signs in no more."""
    person_id, pin = newcomer(counter, "Leave One")
    hold(may_sign_in(counter, pin), "before, the PIN opens a till")
    counter.do("POST", f"people/{person_id}/leave", {"request_id": counter.id()}, "manager")
    hold(not may_sign_in(counter, pin), "afterwards it does not")


@drives("house.person_pin")
def person_pin(counter: Counter) -> None:
    """A forgotten PIN is set anew."""
    person_id, pin = newcomer(counter, "Forgot One")
    fresh = "934071"
    counter.do("POST", f"people/{person_id}/pin", {"request_id": counter.id(), "pin": fresh}, "manager")
    hold(may_sign_in(counter, fresh) and not may_sign_in(counter, pin), "only the new PIN opens a till")


@drives("house.person_badge")
def person_badge(counter: Counter) -> None:
    """A badge is given on the staff page, and opens a till."""
    person_id, _ = newcomer(counter, "Badge Two")
    sent = counter.form(f"/staff/{person_id}/badge", "manager", request_id=counter.id(), badge="ZGS-9Q8R7TV")
    hold("done=badge" in sent.body, f"the page gives the badge: {sent}")
    answer = counter.stranger().ask("POST", f"{API}/session", {"till": "2", "badge": "ZGS-9Q8R7TV"})
    hold(answer.fine, "the badge opens the till")


@drives("house.person_unlock")
def person_unlock(counter: Counter) -> None:
    """Somebody with too many wrong tries is let in again by a manager."""
    person_id, pin = newcomer(counter, "Unlock One")
    for _ in range(5):
        wrong = {"till": "2", "pin": "000001", "person_id": person_id}
        counter.stranger().ask("POST", f"{API}/session", wrong)
    right = {"till": "2", "pin": pin, "person_id": person_id}
    hold(not counter.stranger().ask("POST", f"{API}/session", right).fine, "five wrong tries hold them up")
    counter.do("POST", f"people/{person_id}/unlock", {"request_id": counter.id()}, "manager")
    hold(counter.stranger().ask("POST", f"{API}/session", right).fine, "the manager lets them try again")
