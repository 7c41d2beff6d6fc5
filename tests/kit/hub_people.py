"""People at the hub's console for tests: the parts behind the door, cheap to guess at, and their phones."""

from dataclasses import dataclass, field
from pathlib import Path

import pyotp

from cloud.db.engine import HubDatabase
from cloud.domain.audit_chain import Entry, Filter
from cloud.domain.roles import Role
from cloud.services import console
from cloud.services.accounts import NewPassword, Who
from cloud.services.refusals import Refused
from cloud.services.sign_in import SignedIn
from cloud.services.tries import Caller
from sync.node import keys
from sync.node.passwords import Vault
from sync.node.ports import ManualClock, SeededChance
from tests.kit.hub_store import QUICK_COST

PASSWORD = "ABCDE-FGHJK-MNPQR-STVWX"
OWN_PASSWORD = "teapot lantern 47 gravel"
HERE = Caller("192.0.2.7", "Chromium, Linux")
ADMIN = Who("admin", HERE.address)


class CountingVault(Vault):
    """Counts how often a password is really compared: what a guesser gets out of the hub."""

    compared = 0

    def matches(self, stored: str, secret: str) -> bool:
        self.compared += 1
        return super().matches(stored, secret)


@dataclass
class Door:
    """A console over one database, and how a test walks through it."""

    database: HubDatabase
    folder: Path
    totp_required: bool = False
    clock: ManualClock = field(default_factory=ManualClock)
    identity: keys.Identity = field(default_factory=lambda: keys.make_identity(b"the hub" * 4))
    starts: int = 0

    def __post_init__(self) -> None:
        self.restart()

    def restart(self, password: str = PASSWORD) -> None:
        """Forget what a process forgets."""
        self.starts += 1
        self.vault = CountingVault(b"pepper", QUICK_COST)
        self.held = console.build(
            self.database,
            self.identity,
            self.vault,
            self.folder,
            "program",
            totp_required=self.totp_required,
            clock=self.clock,
            chance=SeededChance(f"door {self.starts}"),
        )
        self.held.accounts.set_up(password)
        self.vault.compared = 0

    def try_in(
        self, password: str = PASSWORD, account: str = "admin", caller: Caller = HERE, code: str = ""
    ) -> SignedIn | Refused:
        return self.held.sign_in.sign_in(account, password, caller, code)

    def sign_in(
        self, password: str = PASSWORD, account: str = "admin", caller: Caller = HERE, code: str = ""
    ) -> SignedIn:
        """Sign in; anything but success fails the test."""
        answer = self.try_in(password, account, caller, code)
        assert isinstance(answer, SignedIn), answer
        return answer

    def token(self, **how: str) -> str:
        opened = self.sign_in(**how)  # type: ignore[arg-type]
        assert opened.stage == "full", opened.stage
        return opened.token

    def lives(self, token: str) -> bool:
        return self.held.sessions.person(token) is not None

    def add(self, account: str, role: Role, name: str = "Somebody Else") -> str:
        """Make a user with a password of their own."""
        made = self.held.accounts.add(account, name, role, ADMIN)
        assert isinstance(made, NewPassword), made
        half = self.sign_in(made.password, account)
        if half.stage == "password":
            chosen = self.held.sign_in.choose_password(half.token, OWN_PASSWORD, HERE)
            assert isinstance(chosen, SignedIn), chosen
            self.held.sessions.end(chosen.token)
        return OWN_PASSWORD

    def give_phone(self, token: str) -> tuple[str, tuple[str, ...]]:
        """Set up a second factor for whoever is signed in, and give its secret and the recovery codes."""
        draft = self.held.sign_in.draft_for(token)
        assert draft is not None
        codes = self.held.sign_in.adopt_own(token, self.code(draft.secret), HERE)
        assert not isinstance(codes, Refused), codes
        return draft.secret, codes

    def code(self, secret: str, steps: int = 0) -> str:
        """Give what a phone shows now, or so many steps of 30 s away."""
        return code_at(secret, self.clock.now_ms() + steps * 30_000)

    def log(self, action: str = "") -> list[Entry]:
        """Give the audit log, oldest first."""
        wanted = Filter(actions=(action,) if action else ())
        return list(reversed(self.held.audit_log.page(wanted, 10_000)))


def code_at(secret: str, at_ms: int) -> str:
    """Give what a phone shows at a moment."""
    return pyotp.TOTP(secret).generate_otp(at_ms // 30_000)
