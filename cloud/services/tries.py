"""Slows guessing down without handing a stranger the key to lock others out (OWASP: device cookies).

Wrong sign-ins are counted by account and place. A place is a browser that this account signed in from before, known by
a signed cookie, or else an address. So a stranger locks himself out, and the owner's own browser goes on. What a
stranger with many addresses can do is bounded for all of them together; known browsers are outside that bound too.
"""

import hmac
import logging
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from cloud.db import tries
from cloud.db.engine import Tx
from cloud.db.tries import TriesRow
from sync.node.ports import Chance

FREE = 4
"""Wrong ones in a row that cost nothing; then one waits 1, 2, 4 … seconds."""
WRONG_MAX = 10
LOCKED_MS = 30 * 60_000
LOCKED_MS_MAX = 24 * 3_600_000
"""`ux-security` §10.4: ten wrong ones lock for 30 min; each further one doubles it."""
ADDRESS_WRONG_MAX = 30
"""Wrong ones from one address over all names."""
TOGETHER_MAX = 60
TOGETHER_EVERY_MS = 10_000
"""From all unknown places together: 60 at once, then one in 10 s. One address alone cannot use it up."""
FORGOTTEN_MS = 24 * 3_600_000
DEVICE_LIFE_MS = 180 * 24 * 3_600_000
ANY = "*"
_NONCE_BYTES = 16

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Caller:
    """Where a sign-in comes from: the address, the browser's name for people, and the cookie of a known browser."""

    address: str = ""
    browser: str = ""
    device: str = ""


@dataclass(frozen=True)
class Claim:
    """A try that was counted in advance; `wrong` is the count if it turns out wrong."""

    account: str
    place: str
    known: bool
    wrong: int

    @property
    def locks(self) -> bool:
        """Whether this try, being wrong, is the one that locks."""
        return self.wrong == WRONG_MAX


@dataclass(frozen=True)
class Wait:
    """A try that is not even looked at yet; `together` when all unknown places are slowed down."""

    ms: int
    together: bool = False


class Tries:
    """Counts tries. Each is counted before the secret is looked at, so that many at once are not free."""

    def __init__(self, key: bytes, chance: Chance) -> None:
        self._key = key
        self._chance = chance

    def name_of(self, account: str, *, exists: bool) -> str:
        """Give the name to count under: what is nobody's account may be a password typed into the wrong field."""
        return account if exists else "?" + hmac.digest(self._key, account.encode("utf-8", "replace"), "sha256").hex()

    def claim(self, tx: Tx, account: str, caller: Caller, now_ms: int) -> Claim | Wait:
        """Count a try, or say how long to wait."""
        device = self._device_place(account, caller.device, now_ms)
        if device is not None:
            row = _row(tx, account, device, now_ms)
            if row.until_ms <= now_ms:
                return _count(tx, row, now_ms, known=True)
            # Locked there: from here on this browser is as good as unknown.
        place = address_place(caller.address)
        own, everybody = _row(tx, account, place, now_ms), _row(tx, ANY, place, now_ms)
        wait_ms = max(own.until_ms, everybody.until_ms) - now_ms
        if wait_ms > 0:
            return Wait(wait_ms)
        together = _row(tx, ANY, ANY, now_ms)
        level = max(0, together.wrong - max(0, now_ms - together.last_ms) // TOGETHER_EVERY_MS)
        if level >= TOGETHER_MAX:
            return Wait(TOGETHER_EVERY_MS, together=True)
        tries.put_tries(tx, TriesRow(ANY, ANY, level + 1, now_ms, 0))
        until_ms = now_ms + LOCKED_MS if everybody.wrong + 1 >= ADDRESS_WRONG_MAX else 0
        tries.put_tries(tx, TriesRow(ANY, place, everybody.wrong + 1, now_ms, until_ms))
        tries.forget_old(tx, now_ms - FORGOTTEN_MS, now_ms)
        return _count(tx, own, now_ms, known=False)

    def claim_code(self, tx: Tx, account: str, now_ms: int) -> Claim | Wait:
        """Count a try at a second factor: whoever gets so far has the password, so the account itself is counted."""
        row = _row(tx, account, "code", now_ms)
        if row.until_ms > now_ms:
            return Wait(row.until_ms - now_ms)
        return _count(tx, row, now_ms, known=True)

    def forgive(self, tx: Tx, claim: Claim) -> None:
        """Take a try back that was right, and the wrong ones before it."""
        tries.forget(tx, claim.account, claim.place)
        if claim.known:
            return
        for account, place in ((ANY, claim.place), (ANY, ANY)):
            row = tries.locked_tries(tx, account, place)
            if row is not None and row.wrong > 0:
                until_ms = row.until_ms if row.wrong > ADDRESS_WRONG_MAX else 0
                tries.put_tries(tx, TriesRow(account, place, row.wrong - 1, row.last_ms, until_ms))

    def forgive_account(self, tx: Tx, account: str) -> None:
        """Forget every wrong try at an account; an admin or the command line says so."""
        tries.forget_account(tx, account)

    def device_for(self, account: str, now_ms: int) -> str:
        """Make the cookie by which this browser is known to an account from now on."""
        said = f"{account}.{self._chance.token(_NONCE_BYTES).hex()}.{now_ms}"
        return f"{said}.{self._mac(said)}"

    def _device_place(self, account: str, cookie: str, now_ms: int) -> str | None:
        said, _, mac = cookie.rpartition(".")
        parts = said.rsplit(".", 2)
        if len(parts) != 3 or not mac.isascii() or not hmac.compare_digest(self._mac(said), mac):  # noqa: PLR2004 - account, nonce, time
            return None
        if parts[0] != account or now_ms - int(parts[2]) >= DEVICE_LIFE_MS:
            return None
        return f"browser {parts[1]}"

    def _mac(self, said: str) -> str:
        return hmac.digest(self._key, f"device {said}".encode("utf-8", "replace"), "sha256").hex()


def delay_ms(wrong: int) -> int:
    """Give how long the next try waits after so many wrong ones in a row."""
    if wrong <= FREE:
        return 0
    if wrong < WRONG_MAX:
        return 1_000 << (wrong - FREE - 1)
    return min(LOCKED_MS_MAX, LOCKED_MS << min(wrong - WRONG_MAX, 8))


def address_place(address: str) -> str:
    """Give the place of an address; of IPv6 the network of 64 bits, of which one house has plenty of addresses."""
    try:
        held = ip_address(address)
    except ValueError:
        return "address unknown"
    if isinstance(held, IPv6Address):
        if held.ipv4_mapped is not None:
            return f"address {held.ipv4_mapped}"
        return f"network {IPv6Address(int(held) >> 64 << 64)}"
    return f"address {held}"


def _row(tx: Tx, account: str, place: str, now_ms: int) -> TriesRow:
    row = tries.locked_tries(tx, account, place)
    if row is None or (now_ms - row.last_ms >= FORGOTTEN_MS and row.until_ms <= now_ms):
        return TriesRow(account, place, 0, now_ms, 0)
    return row


def _count(tx: Tx, row: TriesRow, now_ms: int, *, known: bool) -> Claim:
    wrong = row.wrong + 1
    tries.put_tries(tx, TriesRow(row.account, row.place, wrong, now_ms, now_ms + delay_ms(wrong)))
    return Claim(row.account, row.place, known, wrong)
