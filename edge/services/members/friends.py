"""A member's own invite (邀新有礼): this store signs it, and knows those of every other store and of HQ without a network."""

from typing import NamedTuple

from edge.db import streams
from edge.domain.refusal import Refused
from edge.services.node import Node
from sync.contract import friend_codes, times
from sync.contract.codes import Verdict
from sync.contract.friend_codes import FriendClaims, SignedFriend
from sync.node import keys


class Friend(NamedTuple):
    """An invite whose signature holds: whose it is, who signed it (empty for HQ), its days."""

    member_id: str
    store: str
    issued_day: str
    last_day: str
    short: str


def code_of(node: Node, member_id: str, issued_day: int) -> str:
    """Make a member's invite. The same member and day give the same code, so a second print says the same."""
    hint = node.identity.public.key_id[: friend_codes.KEY_HINT_BYTES]
    claims = FriendClaims(hint, member_id, issued_day)
    return friend_codes.assemble(claims, node.identity.sign(friend_codes.to_sign(claims)))


def read(node: Node, text: str) -> Friend | Refused | None:
    """Judge a friend's invite by its signature; None for a text that is none, such as a receipt's.

    Returns:
        `invite_forged` (an issuer who is not known here looks the same), `invite_expired`, `invite_revoked`.
    """
    judged = judge(node, text)
    if judged is None:
        return None
    verdict, friend = judged
    return friend if verdict is Verdict.VALID and friend is not None else Refused(f"invite_{verdict.value}")


def judge(node: Node, text: str) -> tuple[Verdict, Friend | None] | None:
    """Give the verdict on a friend's invite with what it states where its signature holds; None for a text that is none."""
    code = friend_codes.find(text)
    apart = None if code is None else friend_codes.take_apart(code)
    if apart is None:
        return None
    signer = _signer(node, apart)
    if signer is None:
        return Verdict.FORGED, None
    store, revoked_day = signer
    claims = apart.claims
    verdict = friend_codes.standing(claims, today=times.epoch_day(node.today()), revoked_day=revoked_day)
    short = friend_codes.short_code(claims.member_id)
    days = times.day_of_epoch(claims.issued_day), times.day_of_epoch(claims.last_day)
    return verdict, Friend(claims.member_id, store, *days, short)


def _signer(node: Node, apart: SignedFriend) -> tuple[str, int | None] | None:
    """Say who signed, and the day since when their key counts no more; None where it is nobody known here."""
    hint, grant = apart.claims.key_hint, node.enrolment
    if grant is not None and keys.key_id(grant.hub_signing_key).startswith(hint):
        if keys.verified(grant.hub_signing_key, apart.signed, apart.signature):
            return "", None
    with node.db.read() as reader:
        known = streams.keys_hinted(reader, hint)
    for key in known:
        if keys.verified(key.public_key, apart.signed, apart.signature):
            return key.store, None if key.revoked_ms is None else key.revoked_ms // times.DAY_MS
    return None
