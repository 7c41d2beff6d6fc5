"""Who is at the till: PIN, lock-out, sessions that outlive a restart of the node."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from edge.db import staff
from edge.db.staff import Cashier, Session
from edge.domain.refusal import Refused
from edge.services.node import Node
from sync.node import keys
from sync.node.database import Tx
from sync.node.ports import Chance

PIN_DIGITS = 6
TRIES_FREE = 5
LOCK_FIRST_MS = 30_000
LOCK_MAX_MS = 900_000
SESSION_MS = 12 * 3_600_000
"""A session ends after a shift at the latest."""
TOKEN_BYTES = 32
EASY_PINS = frozenset({"123456", "654321", "112233", "123123", *(digit * PIN_DIGITS for digit in "0123456789")})


@dataclass(frozen=True)
class SignedIn:
    """A new session; the token is told once and only its hash is kept."""

    token: str
    session: Session


def make_pin(chance: Chance) -> str:
    """Draw a PIN that is none of the first that anybody tries."""
    while True:
        pin = f"{int.from_bytes(chance.token(8), 'big') % 10**PIN_DIGITS:0{PIN_DIGITS}d}"
        if pin not in EASY_PINS:
            return pin


def first_cashier(node: Node, name: str, note: Path) -> str | None:
    """Make the first cashier with a PIN of its own, once.

    Args:
        note: a file of mode 0600 that tells the PIN to whoever installs the node; there are no defaults.

    Returns:
        The PIN when it was made now; None when somebody may sign in already.
    """
    with node.db.read() as reader:
        if staff.cashiers(reader):
            return None
    pin = make_pin(node.chance)
    keys.write_secret(note, f"{pin}\n".encode())
    cashier = Cashier("c1", name, node.vault.hash(pin))
    node.db.write(lambda tx: staff.add_cashier(tx, cashier))
    return pin


def sign_in(node: Node, till: str, pin: str) -> SignedIn | Refused:
    """Open a session at a till.

    Five wrong PINs lock the till for 30 s, then twice as long each time up to 15 minutes; other tills go on.
    """
    if till not in node.settings.store.tills:
        return Refused("unknown_till", {"tills": list(node.settings.store.tills)})
    now_ms = node.clock.now_ms()
    # Counted before it is looked at: guesses that arrive together get no more tries than one after the other.
    wrong = node.db.write(lambda tx: _count_try(tx, till, now_ms))
    if isinstance(wrong, Refused):
        return wrong
    with node.db.read() as reader:
        everybody = staff.cashiers(reader)
    found = next((cashier for cashier in everybody if node.vault.matches(cashier.pin_hash, pin)), None)
    if found is None:
        lock_ms = _lock_ms(wrong)
        if lock_ms:
            return Refused("pin_locked", {"retry_after_s": lock_ms // 1000})
        return Refused("wrong_pin", {"tries_left": TRIES_FREE - wrong})
    token = node.chance.token(TOKEN_BYTES).hex()

    def work(tx: Tx) -> None:
        staff.set_tries(tx, till, 0, 0)
        staff.drop_sessions_before(tx, now_ms - SESSION_MS)
        staff.open_session(tx, _hashed(token), till, found.cashier_id, now_ms)

    node.db.write(work)
    return SignedIn(token, Session(till, found.cashier_id, found.name))


def who(node: Node, token: str | None) -> Session | None:
    """Find who holds a token."""
    if not token:
        return None
    with node.db.read() as reader:
        return staff.session(reader, _hashed(token), node.clock.now_ms() - SESSION_MS)


def sign_out(node: Node, token: str) -> None:
    """End a session."""
    node.db.write(lambda tx: staff.close_session(tx, _hashed(token)))


def _count_try(tx: Tx, till: str, now_ms: int) -> int | Refused:
    """Take a try as wrong until it proves right; gives how many in a row that makes."""
    wrong, locked_until_ms = staff.tries(tx, till)
    if now_ms < locked_until_ms <= now_ms + LOCK_MAX_MS:
        return Refused("pin_locked", {"retry_after_s": -(-(locked_until_ms - now_ms) // 1000)})
    lock_ms = _lock_ms(wrong + 1)
    staff.set_tries(tx, till, wrong + 1, now_ms + lock_ms if lock_ms else 0)
    return wrong + 1


def _lock_ms(wrong: int) -> int:
    over = wrong - TRIES_FREE
    return 0 if over < 0 else min(LOCK_FIRST_MS << min(over, 16), LOCK_MAX_MS)


def _hashed(token: str) -> bytes:
    # A cookie is whatever somebody sent, bytes that are no text included.
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()
