"""Codes that members hold: only what was signed, in the one spelling that is allowed, and a code of a phone only in its time."""

import base64

import pytest

from sync.contract import codes, friend_codes, member_codes, member_doors
from sync.contract.codes import Verdict
from sync.contract.friend_codes import FriendClaims
from sync.node import keys, member_seal

STORE = keys.make_identity(b"a store" * 4)
MEMBER = "0123456789abcdef0123456789abcdef"
CLAIMS = FriendClaims(STORE.public.key_id[:4], MEMBER, 20_800)
CODE = friend_codes.assemble(CLAIMS, STORE.sign(friend_codes.to_sign(CLAIMS)))
KEY = b"k" * 32
NOW_MS = 1_795_344_300_000


def shown(step: int) -> str:
    return member_codes.assemble(MEMBER, step, member_seal.code_mac(KEY, MEMBER, step))


def test_a_friends_code_says_who_invites_and_fits_an_address_of_180_characters() -> None:
    apart = friend_codes.take_apart(CODE)
    assert apart is not None
    assert apart.claims == CLAIMS
    assert keys.verified(STORE.public.signing, apart.signed, apart.signature)
    assert len(CODE) == friend_codes.CODE_CHARS
    assert friend_codes.find(codes.url("https://guests.example.cn", CODE).lower()) == CODE
    assert len(codes.url("https://guests.example.cn", CODE)) <= 180


def test_a_friends_code_is_no_receipts_invite_and_the_other_way_round() -> None:
    assert codes.take_apart(CODE) is None
    claims = codes.InviteClaims(STORE.public.key_id, bytes(10), 20_800, 30)
    invite = codes.assemble(claims, STORE.sign(codes.to_sign(claims)))
    assert len(invite) == len(CODE)
    assert friend_codes.take_apart(invite) is None


@pytest.mark.parametrize("at", range(0, friend_codes.CODE_CHARS, 7))
def test_one_sign_changed_anywhere_is_forged(at: int) -> None:
    other = CODE[:at] + ("A" if CODE[at] != "A" else "B") + CODE[at + 1 :]
    apart = friend_codes.take_apart(other)
    assert apart is None or not keys.verified(STORE.public.signing, apart.signed, apart.signature)


def test_only_one_spelling_of_the_last_sign_is_a_code() -> None:
    raw = base64.b32decode(CODE + "===")
    twins = [CODE[:-1] + sign for sign in "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567" if sign != CODE[-1]]
    same = [one for one in twins if base64.b32decode(one + "===") == raw]
    assert same, "there are other spellings of the same bytes"
    assert [one for one in same if friend_codes.take_apart(one) is not None] == []


def test_a_friends_code_counts_for_a_year_and_none_signed_behind_the_end_of_its_key() -> None:
    last = CLAIMS.issued_day + friend_codes.DAYS_VALID
    assert friend_codes.standing(CLAIMS, today=last, revoked_day=None) is Verdict.VALID
    assert friend_codes.standing(CLAIMS, today=last + 1, revoked_day=None) is Verdict.EXPIRED
    assert friend_codes.standing(CLAIMS, today=last, revoked_day=CLAIMS.issued_day) is Verdict.VALID
    assert friend_codes.standing(CLAIMS, today=last, revoked_day=CLAIMS.issued_day - 1) is Verdict.REVOKED


def test_the_code_on_a_phone_holds_for_its_member_and_its_step_only() -> None:
    found = member_codes.find(f"HTTPS://X.EXAMPLE/M/{shown(7)}")
    assert found is not None
    assert (found.member_id, found.step, member_seal.holds_code(KEY, found)) == (MEMBER, 7, True)
    assert not member_seal.holds_code(b"q" * 32, found)
    assert not member_seal.holds_code(KEY, found._replace(step=8))
    assert not member_seal.holds_code(KEY, found._replace(member_id=MEMBER[::-1]))


def test_the_code_on_a_phone_counts_from_a_little_before_to_a_little_behind_its_step() -> None:
    now = member_codes.step_at(NOW_MS)
    counted = [step - now for step in range(now - 9, now + 9) if member_codes.in_time(step, NOW_MS)]
    assert counted == list(range(-member_codes.BEHIND, member_codes.AHEAD + 1))


@pytest.mark.parametrize("text", ["", "A" * 48, "AFGQ" + "A" * 43, shown(7)[:-1], shown(7) + "A", shown(7)[:-1] + "1"])
def test_what_is_no_code_of_a_phone_is_read_as_none(text: str) -> None:
    assert member_codes.find(text) is None


def test_a_slips_token_is_told_by_its_digest_only() -> None:
    token = member_doors.token_of(b"s" * 16)
    assert member_doors.find(token.lower()) == token
    assert token not in member_doors.digest(token)
    assert member_doors.find(token + "A") is None
    with pytest.raises(ValueError, match="16 bytes"):
        member_doors.token_of(b"short")
