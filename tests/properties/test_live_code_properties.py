"""A live code says what it said when it was signed, and nothing else is one (properties)."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.contract import codes, live_codes
from sync.contract.facts import ContractError
from sync.contract.live_codes import PLACES, LiveClaims, LiveCode, Target
from sync.contract.words import Name
from sync.node import keys

HQ = keys.make_identity(b"hq")
claims = st.builds(
    LiveClaims, key_id=st.binary(min_size=8, max_size=8), code_id=st.binary(min_size=10, max_size=10),
    place=st.sampled_from(PLACES),
)  # fmt: skip


def signed(said: LiveClaims) -> str:
    return live_codes.assemble(said, HQ.sign(live_codes.to_sign(said)))


@given(claims)
def test_a_code_is_read_back_from_its_address_and_its_signature_holds(said: LiveClaims) -> None:
    code = signed(said)
    url = live_codes.url("https://hq.example.cn/", code)
    found = live_codes.find(url.lower())
    assert (found, len(code)) == (code, live_codes.CODE_CHARS)
    apart = live_codes.take_apart(code)
    assert apart is not None
    assert apart.claims == said
    assert keys.verified(HQ.public.signing, apart.signed, apart.signature)
    assert codes.find(url) is None, "no invite is a live code"
    assert codes.take_apart(code) is None


@given(claims, st.integers(0, live_codes.CODE_CHARS - 1), st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"))
def test_a_code_with_another_letter_is_not_ours(said: LiveClaims, at: int, letter: str) -> None:
    code = signed(said)
    other = code[:at] + letter + code[at + 1 :]
    apart = live_codes.take_apart(other)
    holds = apart is not None and keys.verified(HQ.public.signing, apart.signed, apart.signature)
    assert holds == (other == code)


@given(st.text(max_size=200))
def test_any_text_is_a_code_or_none(text: str) -> None:
    found = live_codes.find(text)
    assert found is None or live_codes.take_apart(found) is None or len(found) == live_codes.CODE_CHARS
    assert live_codes.take_apart(text) is None or len(text) == live_codes.CODE_CHARS


@given(st.binary(max_size=60))
def test_bytes_that_are_no_code_are_refused_as_such(raw: bytes) -> None:
    with pytest.raises(ContractError):
        live_codes.read(raw)


def test_the_places_of_a_code_are_where_members_come_from_and_their_order_is_kept() -> None:
    # The order is a byte on paper: a new place goes behind the others.
    assert PLACES == ("table", "till", "door", "staff", "queue")


@pytest.mark.parametrize(
    ("target", "wrong"),
    [
        (Target(), []),
        (Target(kind="text"), ["title"]),
        (Target(kind="text", title=Name("好", "Good"), body=Name("一\n二", "one\ntwo")), []),
        (Target(kind="text", title=Name("好", "Good\nor not")), ["title"]),
        (Target(kind="text", title=Name("x" * 61, "x")), ["title"]),
        (Target(kind="text", title=Name("x", "x"), body=Name("\x1b", "x" * 601)), ["body"]),
    ],
)
def test_a_target_that_is_not_sound_is_named(target: Target, wrong: list[str]) -> None:
    assert live_codes.mistakes(target) == wrong


def test_a_code_travels_whole() -> None:
    live = LiveCode(code_id="0" * 20, store="a", place="door", label=Name("门", "Door"), code="X")
    assert live_codes.read(msgspec.json.encode(live)) == live
