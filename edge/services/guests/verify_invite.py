"""An invite of any store is verified here by its signature alone: no network, and the sale need not be known."""

from dataclasses import dataclass

from edge.db import streams
from edge.services.members import friends
from edge.services.node import Node
from sync.contract import codes, times
from sync.contract.codes import Verdict
from sync.node import keys


@dataclass(frozen=True)
class Verified:
    """The verdict, and what the code states where its signature holds."""

    verdict: Verdict
    store: str | None = None
    issued_day: str | None = None
    expires_day: str | None = None
    short: str | None = None
    friend: bool = False
    """It is a member's own invite, whoever signed it (`store` None = HQ): joining with it notes who brought the guest."""


def verify_invite(node: Node, text: str) -> Verified:
    """Judge a scanned or typed text: a bare code, or an address that ends in one."""
    judged = friends.judge(node, text)
    if judged is not None:
        verdict, friend = judged
        if friend is None:
            return Verified(verdict, friend=True)
        return Verified(verdict, friend.store or None, friend.issued_day, friend.last_day, friend.short, friend=True)
    code = codes.find(text)
    apart = None if code is None else codes.take_apart(code)
    if apart is None:
        return Verified(Verdict.FORGED)
    with node.db.read() as reader:
        known = streams.keys_named(reader, apart.claims.key_id)
    if not known:
        return Verified(Verdict.UNKNOWN_STORE)
    signer = next((key for key in known if keys.verified(key.public_key, apart.signed, apart.signature)), None)
    if signer is None:
        return Verified(Verdict.FORGED)
    claims = apart.claims
    today = times.epoch_day(node.today())
    revoked_day = None if signer.revoked_ms is None else signer.revoked_ms // times.DAY_MS
    verdict = codes.standing(claims, today=today, revoked_day=revoked_day)
    return Verified(
        verdict,
        signer.store,
        times.day_of_epoch(claims.issued_day),
        times.day_of_epoch(claims.last_day),
        codes.short_code(claims.invite_id),
    )
