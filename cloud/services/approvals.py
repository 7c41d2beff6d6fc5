"""The second person: whoever may let a node in compares its fingerprint on both screens and says yes or no."""

import hmac
import logging
from enum import StrEnum

import msgspec

from cloud.db import stores
from cloud.db.engine import HubDatabase, Tx
from cloud.db.stores import ActivationRow, ApprovalRow, StoreRow
from cloud.services import audit
from cloud.services.accounts import Who
from sync.contract.words import Name
from sync.node.ports import Clock

WAITING, APPROVED, REFUSED = "waiting", "approved", "refused"

log = logging.getLogger(__name__)


class Policy(StrEnum):
    """Which enrolments need a person at the console."""

    NEVER = "never"
    REPLACEMENT = "replacement"
    ALWAYS = "always"


class Asking(msgspec.Struct, frozen=True, kw_only=True):
    """A node that asks to become a store's; `epoch` is the one it would replace, 0 for a new store."""

    store: str
    name: Name
    epoch: int
    node: str
    fingerprint: str
    asked_ms: int


class Approvals:
    """Keeps who asks and what was decided. Any thread may use it."""

    def __init__(self, database: HubDatabase, policy: Policy, clock: Clock) -> None:
        self._database = database
        self._policy = policy
        self._clock = clock

    def needed(self, store: StoreRow) -> bool:
        """Say whether a person must look at an enrolment of this store: taking over a live store is what a thief wants."""
        return self._policy is Policy.ALWAYS or (self._policy is Policy.REPLACEMENT and store.epoch > 0)

    def ask(self, tx: Tx, activation: ActivationRow, node: str, fingerprint: str) -> str:
        """Give what was decided on a node, noting the question when it is new.

        Returns:
            `waiting`, `approved` or `refused`. Whoever comes second with the same code is refused: the people at the two
            screens see that theirs is not the fingerprint shown, and make a new code.
        """
        held = stores.approval_of(tx, activation.store)
        if held is not None and held.code_hash == activation.code_hash:
            return held.decision if hmac.compare_digest(held.fingerprint, fingerprint) else REFUSED
        now_ms = self._clock.now_ms()
        row = ApprovalRow(activation.store, activation.code_hash, node, fingerprint, now_ms, WAITING, None, None)
        stores.put_approval(tx, row)
        log.info("enrol.asks", extra={"store_id": activation.store})
        return WAITING

    def asked_before(self, activation: ActivationRow, fingerprint: str) -> bool:
        """Say whether this very node asked with this very code before: asking again is no new try."""
        with self._database.read() as reader:
            held = stores.approval_of(reader, activation.store)
        return (
            held is not None
            and held.code_hash == activation.code_hash
            and hmac.compare_digest(held.fingerprint, fingerprint)
        )

    def waiting(self) -> tuple[Asking, ...]:
        """List who waits for a person, longest first; whose code is used, replaced or too old waits no longer."""
        now_ms = self._clock.now_ms()
        found: list[Asking] = []
        with self._database.read() as reader:
            for row in stores.all_approvals(reader):
                store, activation = stores.store_by_id(reader, row.store), stores.activation_of(reader, row.store)
                if store is None or activation is None or row.decision != WAITING:
                    continue
                if activation.code_hash == row.code_hash and now_ms < activation.expires_ms:
                    found.append(
                        Asking(
                            store=row.store,
                            name=Name(store.name_zh, store.name_en),
                            epoch=store.epoch,
                            node=row.node,
                            fingerprint=row.fingerprint,
                            asked_ms=row.asked_ms,
                        )
                    )
        return tuple(found)

    def decide(self, store: str, fingerprint: str, *, approve: bool, who: Who) -> bool:
        """Note what a person decided on the node with this fingerprint.

        Args:
            store: the store's id.
            fingerprint: the six groups as the person read them at the node, dashes and case do not matter.
            approve: yes or no.
            who: who decides, and from where.

        Returns:
            Whether such a node was waiting.
        """
        wanted = _plain(fingerprint)
        with self._database.write() as tx:
            row = stores.approval_of(tx, store)
            if row is None or row.decision != WAITING or not hmac.compare_digest(_plain(row.fingerprint), wanted):
                return False
            now_ms = self._clock.now_ms()
            stores.decide_approval(tx, store, APPROVED if approve else REFUSED, now_ms, who.actor)
            audit.record(
                tx,
                at_ms=now_ms,
                actor=who.actor,
                action="store.approved" if approve else "store.refused",
                target=store,
                detail=who.detail(fingerprint=row.fingerprint),
            )
        log.warning("enrol.decided", extra={"store_id": store, "approved": approve, "by": who.actor})
        return True


def _plain(fingerprint: str) -> bytes:
    return "".join(letter for letter in fingerprint.upper() if letter.isalnum()).encode()
