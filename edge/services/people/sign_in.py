"""Who is at the till: PIN or badge, lock-out, sessions that lock themselves and outlive a restart of the node.

The lock-out (ux-security §10.4), all of it in the file, so that a restart gives no new tries:

* five wrong in a row lock for 30 s, then twice as long each time up to 15 minutes: per person and till, and per till for PINs
  that name nobody;
* ten wrong of one person at one till within a day: a manager lets them in again;
* twenty wrong at a till within an hour: the till asks for a name and a supervisor or a manager until the hour is over.

It never shuts everybody out: a supervisor or manager who names themselves is held up by their own wrong tries only, and the last
manager who is left is never made to wait for a manager.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from edge.db import staff
from edge.db.staff import BADGE, PIN, Cashier, Session
from edge.domain.refusal import Refused
from edge.domain.roles import Role
from edge.domain.scanned import Kind, Routed, route
from edge.services.node import Node
from sync.contract.words import ZH
from sync.node import keys
from sync.node.database import Reader, Tx
from sync.node.ports import Chance

PIN_DIGITS = 6
TRIES_FREE = 5
LOCK_FIRST_MS = 30_000
LOCK_MAX_MS = 900_000
TRIES_A_DAY = 10
DAY_MS = 86_400_000
TILL_TRIES_AN_HOUR = 20
HOUR_MS = 3_600_000
SESSION_MS = 12 * HOUR_MS
"""A session ends after a shift at the latest."""
IDLE_MS = 300_000
"""A till at which nobody did anything for so long asks for the PIN again."""
SEEN_EVERY_MS = 60_000
"""How often the file is told that a session is at work."""
TOKEN_BYTES = 32
BADGE_CHARS_MIN = 4
BADGE_CHARS_MAX = 200
EASY_PINS = frozenset(
    {
        "123456",
        "654321",
        "112233",
        "123123",
        "121212",
        "112211",
        "123321",
        "111222",
        "666888",
        "888666",
        "520131",
        "520520",
    }
    | {digit * PIN_DIGITS for digit in "0123456789"}
    | {"0123456789"[at : at + PIN_DIGITS] for at in range(5)}
    | {"9876543210"[at : at + PIN_DIGITS] for at in range(5)}
)
"""What anybody tries first; birthdays are refused by their shape (`is_easy`)."""


@dataclass(frozen=True)
class SignedIn:
    """A new session; the token is told once and only its hash is kept."""

    token: str
    session: Session


@dataclass(frozen=True)
class Shown:
    """What somebody shows of themselves: a PIN or a badge's number; never printed, logged or stored as it is."""

    what: str
    secret: str

    def __repr__(self) -> str:
        return f"Shown({self.what})"


def is_easy(pin: str) -> bool:
    """Say whether a PIN is one that is guessed first: runs, repeats, and dates of birth (yymmdd)."""
    return pin in EASY_PINS or ("01" <= pin[2:4] <= "12" and "01" <= pin[4:6] <= "31")


def is_pin(pin: str) -> bool:
    """Say whether a text may be a PIN: six digits, and not one that is guessed first."""
    return len(pin) == PIN_DIGITS and pin.isascii() and pin.isdigit() and not is_easy(pin)


def make_pin(chance: Chance) -> str:
    """Draw a PIN that is none of the first that anybody tries."""
    while True:
        pin = f"{int.from_bytes(chance.token(8), 'big') % 10**PIN_DIGITS:0{PIN_DIGITS}d}"
        if not is_easy(pin):
            return pin


def first_cashier(node: Node, name: str, note: Path) -> str | None:
    """Make the first manager with a PIN of its own, where no manager can sign in.

    Args:
        note: a file of mode 0600 that tells the PIN to whoever installs the node; there are no defaults.

    Returns:
        The PIN when it was made now; None when a manager may sign in already.
    """
    with node.db.read() as reader:
        if managers_with_pin(reader):
            return None
        person_id = "c1" if staff.person(reader, "c1") is None and not staff.was_here(reader, "c1") else ""
    pin = make_pin(node.chance)
    keys.write_secret(note, f"{pin}\n".encode())
    one = Cashier(person_id or node.ids.uuid7().hex(), name, Role.MANAGER, ZH)
    shown = Shown(PIN, pin)
    hashed = node.vault.hash(pin)

    def work(tx: Tx) -> None:
        staff.put_newcomer(tx, one)
        staff.set_credential(tx, one.cashier_id, PIN, bucket(node, shown), hashed)

    node.db.write(work)
    return pin


def managers_with_pin(reader: Reader) -> list[Cashier]:
    """List the managers who can sign in here with a PIN."""
    have = staff.have(reader, PIN)
    return [one for one in staff.cashiers(reader) if one.role is Role.MANAGER and one.cashier_id in have]


def sign_in(node: Node, till: str, pin: str, person_id: str = "") -> SignedIn | Refused:
    """Open a session at a till with a PIN; `person_id` where the person was picked from the list first."""
    return _opened(node, till, recognise(node, till, Shown(PIN, pin), person_id))


def sign_in_with_badge(node: Node, till: str, text: str) -> SignedIn | Refused:
    """Open a session at a till with a badge or card, as a scanner or reader gave it."""
    return _opened(node, till, recognise(node, till, badge(text)))


def badge(text: str) -> Shown:
    """Read a badge: the form of our own cards in their canonical case, any other card's id as it is."""
    found = route(text, frozenset({Kind.STAFF}))
    return Shown(BADGE, found.value if isinstance(found, Routed) else text.strip())


def recognise(node: Node, till: str, shown: Shown, person_id: str = "") -> Cashier | Refused:
    """Say whose PIN or badge it is, and count it where it is nobody's.

    Returns:
        `wrong_pin` with the tries left; `pin_locked` with the seconds to wait; `pin_needs_manager` after ten wrong in a day.
    """
    if till not in node.settings.store.tills:
        return Refused("unknown_till", {"tills": list(node.settings.store.tills)})
    now_ms = node.clock.now_ms()
    # Counted before it is looked at: guesses that arrive together get no more tries than one after the other.
    wrong = node.db.write(lambda tx: _count_try(tx, till, person_id, now_ms))
    if isinstance(wrong, Refused):
        return wrong
    found = _whose(node, shown, person_id)
    if found is None:
        lock_ms = _lock_ms(wrong)
        if lock_ms:
            return Refused("pin_locked", {"retry_after_s": lock_ms // 1000})
        return Refused("wrong_pin", {"tries_left": TRIES_FREE - wrong})
    known = found

    def proved_right(tx: Tx) -> Refused | None:
        staff.set_tries(tx, till, person_id, 0, 0)
        staff.take_back_wrong_pin(tx, till, person_id, now_ms)
        # A PIN that names nobody is no way round the lock of the person whose it is.
        locked = None if person_id else _person_lock(tx, till, known.cashier_id, now_ms)
        if locked is None:
            staff.set_tries(tx, till, known.cashier_id, 0, 0)
        return locked

    return node.db.write(proved_right) or known


def bucket(node: Node, shown: Shown) -> int:
    """Give the keyed byte under which a secret is looked up, so that one hash or two are tried instead of everybody's."""
    return keyed_mark(node, shown)[0]


def keyed_mark(node: Node, shown: Shown) -> bytes:
    """Give what stands for a secret where two are compared; nobody without the node's key file makes it."""
    return node.identity.seal_of(f"{shown.what} {shown.secret}".encode(errors="surrogatepass"))


def holders(node: Node, reader: Reader, shown: Shown) -> list[str]:
    """Give the ids of everybody whose PIN or badge it is."""
    found = staff.credentials(reader, shown.what, bucket(node, shown))
    return [one.person_id for one in found if _matches(node, one.hash, shown)]


def who(node: Node, token: str | None, *, at_work: bool = False) -> Session | None:
    """Find who holds a token, while their till has not locked itself.

    Args:
        at_work: the request is something that a person does, so that the till stays open for another while.
    """
    found = _seat(node, token)
    if found is None or token is None:
        return None
    token_hash, seat = _hashed(token), found
    if _idle_ms(node, token_hash, seat) >= IDLE_MS:
        return None
    if at_work:
        node.presence.note(token_hash, node.clock.monotonic_ms())
        now_ms = node.clock.now_ms()
        if not 0 <= now_ms - seat.seen_ms < SEEN_EVERY_MS:
            node.db.write(lambda tx: staff.touch_session(tx, token_hash, now_ms))
    return seat.session


def locked(node: Node, token: str | None) -> Session | None:
    """Give whose session locked itself: their PIN opens it again and the till keeps its cart."""
    found = _seat(node, token)
    if found is None or token is None:
        return None
    return found.session if _idle_ms(node, _hashed(token), found) >= IDLE_MS else None


def lock(node: Node, token: str) -> None:
    """Lock a session now, as somebody who goes away does."""
    node.presence.note(_hashed(token), node.clock.monotonic_ms() - IDLE_MS)
    at_ms = node.clock.now_ms() - IDLE_MS
    node.db.write(lambda tx: staff.touch_session(tx, _hashed(token), at_ms))


def sign_out(node: Node, token: str) -> None:
    """End a session."""
    node.presence.forget(_hashed(token))
    node.db.write(lambda tx: staff.close_session(tx, _hashed(token)))


def _opened(node: Node, till: str, found: Cashier | Refused) -> SignedIn | Refused:
    if isinstance(found, Refused):
        return found
    token = node.chance.token(TOKEN_BYTES).hex()
    now_ms = node.clock.now_ms()

    def work(tx: Tx) -> None:
        staff.drop_sessions_before(tx, now_ms - SESSION_MS)
        staff.open_session(tx, _hashed(token), till, found.cashier_id, now_ms)

    node.db.write(work)
    node.presence.note(_hashed(token), node.clock.monotonic_ms())
    return SignedIn(token, Session(till, found.cashier_id, found.name, found.role, found.locale))


def _seat(node: Node, token: str | None) -> staff.Seat | None:
    if not token:
        return None
    with node.db.read() as reader:
        return staff.seat(reader, _hashed(token), node.clock.now_ms() - SESSION_MS)


def _idle_ms(node: Node, token_hash: bytes, seat: staff.Seat) -> int:
    now_ms = node.clock.monotonic_ms()
    seen_ms = node.presence.seen_ms(token_hash)
    if seen_ms is None:
        # The process is new: what the file says of it, by the wall clock.
        seen_ms = now_ms - max(0, node.clock.now_ms() - seat.seen_ms)
        node.presence.note(token_hash, seen_ms)
    return now_ms - seen_ms


def _whose(node: Node, shown: Shown, person_id: str) -> Cashier | None:
    with node.db.read() as reader:
        found = [one for one in holders(node, reader, shown) if person_id in ("", one)]
        return staff.person(reader, found[0]) if found else None


def _matches(node: Node, hashed: str, shown: Shown) -> bool:
    # A secret is whatever somebody sent, and UTF-8 has no lone surrogates.
    return node.vault.matches(hashed, shown.secret.encode(errors="replace").decode())


def _count_try(tx: Tx, till: str, person_id: str, now_ms: int) -> int | Refused:
    """Take a try as wrong until it proves right; gives how many in a row that makes."""
    locked = _person_lock(tx, till, person_id, now_ms) or _till_lock(tx, till, person_id, now_ms)
    if locked is not None:
        return locked
    wrong, _ = staff.tries(tx, till, person_id)
    lock_ms = _lock_ms(wrong + 1)
    staff.set_tries(tx, till, person_id, wrong + 1, now_ms + lock_ms if lock_ms else 0)
    staff.add_wrong_pin(tx, till, person_id, now_ms, DAY_MS)
    return wrong + 1


def _person_lock(reader: Reader, till: str, person_id: str, now_ms: int) -> Refused | None:
    _, until_ms = staff.tries(reader, till, person_id)
    if now_ms < until_ms <= now_ms + LOCK_MAX_MS:
        return Refused("pin_locked", {"retry_after_s": -(-(until_ms - now_ms) // 1000)})
    if _day_is_used_up(reader, till, person_id, now_ms) and not _is_last_manager(reader, till, person_id, now_ms):
        return Refused("pin_needs_manager")
    return None


def _day_is_used_up(reader: Reader, till: str, person_id: str, now_ms: int) -> bool:
    return bool(person_id) and len(staff.wrong_pins(reader, till, now_ms - DAY_MS, person_id)) >= TRIES_A_DAY


def _is_last_manager(reader: Reader, till: str, person_id: str, now_ms: int) -> bool:
    managers = [one.cashier_id for one in managers_with_pin(reader)]
    others = [one for one in managers if one != person_id and not _day_is_used_up(reader, till, one, now_ms)]
    return person_id in managers and not others


def _till_lock(reader: Reader, till: str, person_id: str, now_ms: int) -> Refused | None:
    """Ask a till at which too many were wrong for somebody senior by name: guessing there does not shut them out."""
    wrong = staff.wrong_pins(reader, till, now_ms - HOUR_MS)
    if len(wrong) < TILL_TRIES_AN_HOUR:
        return None
    named = staff.person(reader, person_id) if person_id else None
    if named is not None and named.role in (Role.SUPERVISOR, Role.MANAGER):
        return None
    opens_ms = wrong[-TILL_TRIES_AN_HOUR] + HOUR_MS
    return Refused("pin_locked", {"retry_after_s": max(1, -(-(opens_ms - now_ms) // 1000)), "senior": True})


def _lock_ms(wrong: int) -> int:
    over = wrong - TRIES_FREE
    return 0 if over < 0 else min(LOCK_FIRST_MS << min(over, 16), LOCK_MAX_MS)


def _hashed(token: str) -> bytes:
    # A cookie is whatever somebody sent, bytes that are no text included.
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()
