"""Invite codes: what the store signed and nothing else, in the one spelling that is allowed."""

import base64

import pytest

from sync.contract import codes
from sync.contract.codes import InviteClaims
from sync.node import keys

STORE = keys.make_identity(b"a store's thirty-two bytes......")
CLAIMS = InviteClaims(STORE.public.key_id, bytes(range(10)), 20_717, 30)
CODE = codes.assemble(CLAIMS, STORE.sign(codes.to_sign(CLAIMS)))


def genuine(code: str) -> bool:
    """As a store judges: the form, then the signature."""
    apart = codes.take_apart(code)
    return apart is not None and keys.verified(STORE.public.signing, apart.signed, apart.signature)


def test_a_code_says_what_was_signed():
    assert len(CODE) == codes.CODE_CHARS
    apart = codes.take_apart(CODE)
    assert apart is not None
    assert apart.claims == CLAIMS
    assert apart.claims.last_day == 20_747
    assert genuine(CODE)


def test_every_single_flipped_bit_is_refused():
    raw = base64.b32decode(CODE + "===")
    assert len(raw) == 88
    for bit in range(len(raw) * 8):
        spoilt = bytearray(raw)
        spoilt[bit // 8] ^= 1 << (bit % 8)
        assert not genuine(base64.b32encode(spoilt).decode().rstrip("=")), f"bit {bit}"


def test_without_the_signature_a_flipped_day_would_pass():
    """The negative control: the form alone lets the claims be changed."""
    raw = bytearray(base64.b32decode(CODE + "==="))
    raw[21] ^= 1
    assert codes.take_apart(base64.b32encode(raw).decode().rstrip("=")) is not None


def test_every_single_changed_character_is_refused():
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    for at in range(len(CODE)):
        other = alphabet[(alphabet.index(CODE[at]) + 1) % 32]
        assert not genuine(CODE[:at] + other + CODE[at + 1 :]), f"character {at}"


def test_only_the_canonical_spelling_of_the_spare_bit_is_a_code():
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    twin = CODE[:-1] + alphabet[alphabet.index(CODE[-1]) ^ 1]
    assert base64.b32decode(twin + "===") == base64.b32decode(CODE + "==="), "the spare bit is not looked at by base 32"
    assert codes.take_apart(CODE) is not None
    assert codes.take_apart(twin) is None


def test_the_signature_of_another_store_or_for_another_purpose_does_not_do():
    other = keys.make_identity(b"another store's thirty-two bytes")
    assert not genuine(codes.assemble(CLAIMS, other.sign(codes.to_sign(CLAIMS))))
    bare = codes.to_sign(CLAIMS).removeprefix(b"zhanggui-code")
    assert not genuine(codes.assemble(CLAIMS, STORE.sign(bare)))


@pytest.mark.parametrize(
    "text", ["", CODE[:-1], CODE + "A", CODE.lower(), CODE[:-1] + "1", CODE[:-1] + "=", "巷" * 141]
)
def test_what_is_no_code_comes_apart_as_nothing(text):
    assert codes.take_apart(text) is None


@pytest.mark.parametrize("head", [b"\0", b"\2", b"\1J", b"\1i"])
def test_another_version_or_kind_is_no_invite(head):
    raw = base64.b32decode(CODE + "===")
    assert codes.take_apart(base64.b32encode(head + raw[len(head) :]).decode().rstrip("=")) is None


def test_a_signature_of_another_length_is_our_own_mistake():
    with pytest.raises(ValueError, match="64 bytes"):
        codes.assemble(CLAIMS, b"x" * 63)


@pytest.mark.parametrize(
    "text",
    [CODE, CODE.lower(), f" {CODE}\r\n", codes.url("https://hq.example", CODE), codes.url("http://127.0.0.1:8701/", CODE),
     f"https://hq.example/j/{CODE.lower()}"],
)  # fmt: skip
def test_a_code_is_found_in_what_was_scanned(text):
    assert codes.find(text) == CODE


@pytest.mark.parametrize("text", ["", "hello", f"{CODE}/", f"{CODE}{CODE}", f"x{CODE}", "https://hq.example/j/"])
def test_where_no_code_is_none_is_found(text):
    assert codes.find(text) is None


def test_the_url_stays_in_the_qrs_alphanumeric_mode_and_within_its_length():
    url = codes.url("https://hq.lane-bistro.example", CODE)
    assert set(url) <= set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:")
    assert len(url) <= 180


def test_the_short_code_is_the_first_fifty_bits_in_two_groups():
    assert codes.short_code(bytes(10)) == "00000-00000"
    assert codes.short_code(b"\xff" * 10) == "ZZZZZ-ZZZZZ"
    assert codes.short_code(b"\0" * 6 + b"\x40" + b"\xff" * 3) == "00000-00001"
