"""What a scanned text is, which reading the screen gets, and how a payment code is kept."""

import base64
import copy
import json
import logging
import pickle
import threading
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from edge.domain.bearer import Bearer, BearerShelf
from edge.domain.scanned import Kind, NotWanted, Routed, ScaleLabels, StoreCodes, masked, route
from sync.contract import codes, receipts
from sync.contract.codes import InviteClaims
from sync.contract.trade import receipt_no

ALL = frozenset(Kind)
WECHAT = "134567890123456789"
ALIPAY = "281234567890123456"
EAN = "6901234567892"
VISA = "4111111111111111"
INVITE = codes.assemble(InviteClaims(b"keykeyke", bytes(range(10)), 20_717, 30), bytes(range(64)))
RECEIPT = receipt_no("T1", 3, 42)
SALE = "019a0b7c6d1e7f00a123456789abcdef"


def signed(letter: str) -> str:
    return base64.b32encode(bytes((codes.VERSION, ord(letter))) + bytes(range(86))).decode().rstrip("=")


def with_check_digit(digits: str) -> str:
    total = sum(int(digit) * (1 if place % 2 else 3) for place, digit in enumerate(reversed(digits)))
    return f"{digits}{-total % 10}"


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        (WECHAT, Kind.PAYMENT, WECHAT),
        ("100000000000000000", Kind.PAYMENT, "100000000000000000"),
        (ALIPAY, Kind.PAYMENT, ALIPAY),
        ("28763443825664394", Kind.PAYMENT, "28763443825664394"),
        ("301234567890123456789012", Kind.PAYMENT, "301234567890123456789012"),
        (INVITE, Kind.INVITE, INVITE),
        (codes.url("https://join.example", INVITE), Kind.INVITE, INVITE),
        (f"https://join.example/j/{INVITE.lower()}", Kind.INVITE, INVITE),
        (signed("M"), Kind.MEMBER, signed("M")),
        (f"HTTPS://JOIN.EXAMPLE/M/{signed('M')}", Kind.MEMBER, signed("M")),
        ("zgm-0012-3456", Kind.MEMBER, "ZGM-00123456"),
        ("13812345678", Kind.MEMBER, "13812345678"),
        (signed("C"), Kind.COUPON, signed("C")),
        ("ZGC-7K3M9P2Q", Kind.COUPON, "ZGC-7K3M9P2Q"),
        (signed("S"), Kind.STAFF, signed("S")),
        ("ZGS-OIL123", Kind.STAFF, "ZGS-011123"),
        (RECEIPT, Kind.RECEIPT, RECEIPT),
        (f"https://join.example/r/{RECEIPT}", Kind.RECEIPT, RECEIPT),
        (receipts.url("https://join.example", "s-1", SALE), Kind.RECEIPT, SALE),
        (receipts.url("https://join.example", "s-1", SALE).lower(), Kind.RECEIPT, SALE),
        (EAN, Kind.DISH, EAN),
        ("96385074", Kind.DISH, "96385074"),
        ("036000291452", Kind.DISH, "0036000291452"),
        ("a01", Kind.DISH, "A01"),
        ("https://example.com/menu?t=7", Kind.URL, "https://example.com/menu?t=7"),
        ("ZGM-12", Kind.UNKNOWN, "ZGM-12"),
        ("6901234567893", Kind.UNKNOWN, "6901234567893"),
        ("hello", Kind.UNKNOWN, "hello"),
        ("", Kind.UNKNOWN, ""),
    ],
)
def test_a_text_is_known_by_its_content(text, kind, value):
    found = route(f" {text}\n", ALL, StoreCodes(dish_codes=frozenset({"A01"})))

    assert found == Routed(kind, value)


@pytest.mark.parametrize(
    "text", ["16" + WECHAT[2:], WECHAT + "0", WECHAT[:-1], "24" + ALIPAY[2:], "31" + ALIPAY[2:], ALIPAY[:15]]
)
def test_what_is_near_a_payment_code_is_none(text):
    assert route(text, frozenset({Kind.PAYMENT})) == NotWanted(Kind.UNKNOWN, masked(Kind.UNKNOWN, text))


def test_a_payment_code_on_a_screen_that_takes_no_payment_is_named_masked_and_not_passed_on():
    found = route(WECHAT, ALL - {Kind.PAYMENT, Kind.UNKNOWN})

    assert found == NotWanted(Kind.PAYMENT, "134567••••••••••89")
    assert WECHAT not in repr(found)


def test_a_screen_that_takes_any_text_does_not_get_a_payment_code_that_way():
    assert isinstance(route(WECHAT, frozenset({Kind.UNKNOWN})), NotWanted)


def test_the_screen_tells_an_18_digit_member_number_from_a_payment_code():
    store = StoreCodes(member_digits=frozenset({18}))

    assert route(WECHAT, frozenset({Kind.MEMBER}), store) == Routed(Kind.MEMBER, WECHAT)
    assert route(WECHAT, frozenset({Kind.PAYMENT}), store) == Routed(Kind.PAYMENT, WECHAT)
    assert route(WECHAT, frozenset({Kind.PAYMENT, Kind.MEMBER}), store) == Routed(Kind.PAYMENT, WECHAT)


def test_a_store_without_18_digit_numbers_never_takes_a_payment_code_for_a_member():
    assert isinstance(route(WECHAT, frozenset({Kind.MEMBER})), NotWanted)


def test_the_screen_tells_a_13_digit_member_number_from_a_dish():
    store = StoreCodes(member_digits=frozenset({13}))

    assert route(EAN, frozenset({Kind.MEMBER}), store) == Routed(Kind.MEMBER, EAN)
    assert route(EAN, frozenset({Kind.DISH}), store) == Routed(Kind.DISH, EAN)


@pytest.mark.parametrize("number", [f"690{middle:09d}" for middle in range(0, 10**9, 7_654_321)])
def test_no_dish_barcode_is_refused_as_a_bank_card(number):
    """One in ten of them passes Luhn."""
    code = with_check_digit(number)

    assert route(code, frozenset({Kind.DISH})) == Routed(Kind.DISH, code)


@pytest.mark.parametrize("tail", range(0, 10**6, 9_973))
def test_no_payment_code_is_refused_as_a_bank_card(tail):
    for head in ("134567890123", "281234567890", "301234567890"):
        assert route(f"{head}{tail:06d}", frozenset({Kind.PAYMENT})).kind is Kind.PAYMENT


@pytest.mark.parametrize(
    "text",
    [
        VISA,
        "4111 1111 1111 1111",
        f"card {VISA} 12/28",
        "6212345678901232",
        "5555555555554444",
        "2720992593319364",
        "378282246310005",
        f"https://example.com/?pan={VISA}",
    ],
)
def test_a_bank_card_number_is_refused_by_every_screen(text):
    found = route(text, ALL, StoreCodes(member_digits=frozenset({15, 16})))

    assert found == NotWanted(Kind.CARD, "••••")


def test_a_label_of_the_scale_gives_dish_and_weight():
    label = with_check_digit("201234501250")
    store = StoreCodes(scale=ScaleLabels())

    assert route(label, ALL, store) == Routed(Kind.WEIGHED, "12345", weight_mg=1_250_000)
    assert route(label, ALL) == Routed(Kind.DISH, label)
    assert route(label, frozenset({Kind.DISH}), store) == Routed(Kind.DISH, label)


def test_a_label_without_weight_or_with_a_wrong_check_digit_weighs_nothing():
    store = StoreCodes(scale=ScaleLabels(prefixes=frozenset({"21"})))
    good = with_check_digit("211234501250")
    wrong = good[:-1] + str((int(good[-1]) + 1) % 10)
    wanted = frozenset({Kind.WEIGHED})

    assert isinstance(route(good, wanted, store), Routed)
    for text in (wrong, with_check_digit("211234500000"), with_check_digit("201234501250")):
        assert isinstance(route(text, wanted, store), NotWanted)


def test_a_code_of_the_menu_may_look_like_anything():
    store = StoreCodes(dish_codes=frozenset({"13812345678"}))

    assert route("13812345678", frozenset({Kind.DISH}), store) == Routed(Kind.DISH, "13812345678")


def test_a_receipt_number_is_only_what_a_till_prints():
    for text in ("T1-03-000042", "T1-3-42", "T1-3-0000042", "T-1-3-000042"):
        assert route(text, ALL) == Routed(Kind.UNKNOWN, text)


def test_an_altered_invite_is_no_invite():
    assert route("B" + INVITE[1:], frozenset({Kind.INVITE})).kind is Kind.UNKNOWN


def test_too_long_a_text_is_nothing():
    assert route("A" * 5000, ALL) == NotWanted(Kind.UNKNOWN, "AA…")


@pytest.mark.parametrize(
    ("kind", "text", "shown"),
    [
        (Kind.PAYMENT, WECHAT, "134567••••••••••89"),
        (Kind.PAYMENT, "1234567", "•••••••"),
        (Kind.CARD, VISA, "••••"),
        (Kind.STAFF, "ZGS-123456", "••••"),
        (Kind.MEMBER, "13812345678", "•••••••5678"),
        (Kind.MEMBER, "1234567", "•••••••"),
        (Kind.INVITE, INVITE, f"{INVITE[:4]}…{INVITE[-4:]}"),
        (Kind.URL, "https://wang:geheim@example.com/a?token=1", "https://example.com/…"),
        (Kind.UNKNOWN, WECHAT, "13" + "•" * 16),
        (Kind.UNKNOWN, "abc", "•••"),
        (Kind.DISH, EAN, EAN),
    ],
)
def test_what_may_be_shown_of_each_kind(kind, text, shown):
    assert masked(kind, text) == shown


def test_the_repr_of_what_was_routed_is_masked():
    assert repr(route(WECHAT, ALL)) == "Routed(payment, '134567••••••••••89')"


def leaks(thing: object) -> list[str]:
    """Every way of writing a thing down that gives its digits away."""
    ways: dict[str, Callable[[Any], str]] = {
        "repr": repr,
        "str": str,
        "format": "{:>40}".format,
        "percent": lambda one: "%s %r" % (one, one),  # noqa: UP031 - one of the ways
        "json": lambda one: json.dumps(one, default=str),
        "msgspec": lambda one: msgspec.json.encode(one, enc_hook=str).decode(),
        "pickle": lambda one: pickle.dumps(one).decode("latin-1"),
        "copy": lambda one: copy.deepcopy(one).reveal(),
        "vars": lambda one: str(vars(one)),
    }
    found = []
    for way, write in ways.items():
        try:
            written = write(thing)
        except (TypeError, AttributeError) as refusal:
            written = str(refusal)
        if WECHAT in written:
            found.append(way)
    return found


class Plain:
    """The negative control: a payment code in an ordinary class."""

    def __init__(self, code: str) -> None:
        self.code = code

    def __repr__(self) -> str:
        return f"Plain({self.code})"

    def reveal(self) -> str:
        return self.code


def test_a_payment_code_hides_from_everything_that_writes_things_down(caplog):
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("till").info("scanned %s", Bearer(WECHAT), extra={"held": Bearer(WECHAT)})

    assert leaks(Bearer(WECHAT)) == []
    assert WECHAT not in caplog.text
    assert Bearer(WECHAT).reveal() == WECHAT


def test_an_ordinary_class_is_caught_by_the_same_check():
    assert {"repr", "str", "percent", "json", "pickle", "copy", "vars"} <= set(leaks(Plain(WECHAT)))


def test_a_payment_code_is_overwritten_when_it_is_let_go():
    code = Bearer(WECHAT)
    memory = code._code
    with memoryview(memory) as seen:
        # While somebody looks at the memory it cannot shrink; what is there is already zero.
        with pytest.raises(BufferError):
            code.release()
        assert bytes(seen) == bytes(18)
    code.release()

    assert memory == b""
    with pytest.raises(ValueError, match="released") as refused:
        code.reveal()
    assert WECHAT not in str(refused.value)


def test_a_payment_code_is_handed_out_once():
    shelf = BearerShelf()
    handle = shelf.put(WECHAT, 0)

    with shelf.take(handle, 1000) or Bearer("0") as code:
        assert code.reveal() == WECHAT
    assert shelf.take(handle, 1000) is None
    assert WECHAT not in handle
    assert repr(shelf) == "BearerShelf(0 codes)"


def test_a_payment_code_lives_for_60_seconds_and_not_a_millisecond_longer():
    shelf = BearerShelf()
    young, old = shelf.put(WECHAT, 1), shelf.put(ALIPAY, 0)

    assert shelf.take(old, 60_000) is None
    assert shelf.take(young, 60_000) is not None


def test_sweeping_overwrites_what_nobody_fetched():
    shelf = BearerShelf()
    shelf.put(WECHAT, 0)
    held = next(iter(shelf._lying.values()))[0]

    assert shelf.sweep(59_999) == 0
    assert shelf.sweep(60_000) == 1
    assert len(shelf) == 0
    with pytest.raises(ValueError, match="released"):
        held.reveal()


def test_clearing_the_shelf_leaves_nothing():
    shelf = BearerShelf(handles=iter(["a", "b"]).__next__)
    shelf.put(WECHAT, 0)

    assert shelf.put(ALIPAY, 0) == "b"
    shelf.clear()
    assert shelf.take("b", 0) is None


def test_of_many_takers_at_once_one_gets_the_code():
    shelf = BearerShelf()
    for _round in range(50):
        handle = shelf.put(WECHAT, 0)
        start = threading.Barrier(4)
        got: list[str] = []

        def take(handle=handle, start=start, got=got):
            start.wait()
            if (code := shelf.take(handle, 1)) is not None:
                got.append(code.reveal())

        takers = [threading.Thread(target=take) for _ in range(4)]
        for taker in takers:
            taker.start()
        for taker in takers:
            taker.join()
        assert got == [WECHAT]
