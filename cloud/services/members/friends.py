"""A member's own invite (邀新有礼): HQ signs it and judges those that it or a store signed (`sync.contract.friend_codes`)."""

import msgspec

from cloud.db import members, stores
from cloud.db.engine import Reader
from cloud.services.members.shared import Shared, standing
from sync.contract import friend_codes, times
from sync.contract.codes import Verdict
from sync.contract.friend_codes import FriendClaims, SignedFriend
from sync.node import keys


class FriendVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a friend's code is worth; `member_id` is empty but where it counts, and stands for whoever that member is now."""

    verdict: Verdict
    member_id: str = ""
    short: str = ""
    expires_day: str = ""


def code_of(shared: Shared, member_id: str) -> str:
    """Make a member's invite.

    Raises:
        NoMember: there is none (any more).
    """
    assert shared.signer is not None
    with shared.database.read() as reader:
        who = standing(reader, member_id).member_id
    hint = shared.signer.public.key_id[: friend_codes.KEY_HINT_BYTES]
    claims = FriendClaims(hint, who, times.epoch_day(shared.day()))
    return friend_codes.assemble(claims, shared.signer.sign(friend_codes.to_sign(claims)))


def short_of(code: str) -> str:
    """Give the ten digits that stand below a code that is ours."""
    apart = friend_codes.take_apart(code)
    assert apart is not None
    return friend_codes.short_code(apart.claims.member_id)


def verify(shared: Shared, text: str) -> FriendVerdict | None:
    """Judge a friend's code; None for a text that is none, such as a receipt's invite."""
    code = friend_codes.find(text)
    apart = None if code is None else friend_codes.take_apart(code)
    if apart is None:
        return None
    with shared.database.read() as reader:
        found, revoked_ms = _signer(shared, reader, apart)
        if not found:
            return FriendVerdict(verdict=Verdict.FORGED)
        revoked_day = None if revoked_ms is None else revoked_ms // times.DAY_MS
        claims = apart.claims
        verdict = friend_codes.standing(claims, today=times.epoch_day(shared.day()), revoked_day=revoked_day)
        row = members.member(reader, members.resolve(reader, claims.member_id))
        if row is not None and row.left_ms is not None:
            # Whoever left invites nobody any more.
            verdict = Verdict.REVOKED
        who = claims.member_id if row is None else row.member_id
    return FriendVerdict(
        verdict=verdict,
        member_id=who if verdict is Verdict.VALID else "",
        short=friend_codes.short_code(claims.member_id),
        expires_day=times.day_of_epoch(claims.last_day),
    )


def _signer(shared: Shared, reader: Reader, apart: SignedFriend) -> tuple[bool, int | None]:
    """Say whether somebody of ours signed, and since when their key counts no more."""
    hint = apart.claims.key_hint
    if shared.signer is not None and shared.signer.public.key_id.startswith(hint):
        if keys.verified(shared.signer.public.signing, apart.signed, apart.signature):
            return True, None
    for key in stores.keys_hinted(reader, hint):
        if keys.verified(key.signing_public, apart.signed, apart.signature):
            return True, key.revoked_ms
    return False, None
