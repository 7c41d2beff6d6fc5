"""What stands behind the console's door: accounts, sign-in, sessions, the audit log, and the token for programs."""

import hashlib
import hmac
from dataclasses import dataclass
from pathlib import Path

from cloud.db.engine import HubDatabase
from cloud.services import secrets
from cloud.services.accounts import Accounts
from cloud.services.audit_log import AuditLog
from cloud.services.second_factor import SecondFactor
from cloud.services.sessions import Sessions
from cloud.services.sign_in import SignIn
from cloud.services.tries import Tries
from sync.node import keys
from sync.node.passwords import Vault
from sync.node.ports import Chance, Clock


class Programs:
    """Programs show one bearer token, which lies in a file of the data folder."""

    def __init__(self, token: str) -> None:
        self._hash = _hash(token)

    def knows(self, token: str) -> bool:
        """Say whether a bearer token is the one for programs."""
        return hmac.compare_digest(_hash(token), self._hash)


@dataclass(frozen=True)
class Console:
    """The parts behind the door, built once."""

    accounts: Accounts
    sign_in: SignIn
    sessions: Sessions
    audit_log: AuditLog
    programs: Programs
    tries: Tries


def build(
    database: HubDatabase,
    identity: keys.Identity,
    vault: Vault,
    folder: Path,
    program_token: str,
    *,
    totp_required: bool,
    clock: Clock,
    chance: Chance,
) -> Console:
    """Put the parts together.

    Args:
        database: the hub's database.
        identity: the hub's keys; they sign the audit log and seal second factors.
        vault: hashes passwords.
        folder: the data folder, where the audit log's anchor lies.
        program_token: what programs show.
        totp_required: whether roles that change things must have a second factor.
        clock: the time.
        chance: the randomness of tokens, secrets and generated passwords.
    """
    held = Sessions(database, clock=clock, chance=chance)
    tries = Tries(secrets.derived(identity, "known browsers"), chance)
    factor = SecondFactor(identity, chance)
    return Console(
        Accounts(database, vault, tries, clock=clock, chance=chance),
        SignIn(database, vault, held, tries, factor, totp_required=totp_required, clock=clock),
        held,
        AuditLog(database, identity, folder, clock=clock),
        Programs(program_token),
        tries,
    )


def _hash(token: str) -> bytes:
    # A token has 256 random bits: a plain hash is enough, only passwords need a slow one.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
