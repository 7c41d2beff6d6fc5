"""Floods of garbage and lines read at the wrong speed: no scan, no card, no crash; and no secret in any log or repr."""

import logging
import os
import random
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pytest

from drivers.card.magstripe import BankCard, CardUnread, MagstripeReader
from drivers.card.nfc import Ask, NfcReader, Uid
from drivers.scanner.framer import Framer, Framing, Noise, Scan
from drivers.scanner.keys import RECORD, Keyboard, KeyReader
from edge.domain.bearer import BearerShelf
from edge.domain.scanned import Kind, route
from tests.kit.serial_line import heard, line_of

DEEP = bool(os.environ.get("ZHANGGUI_DEEP"))
SEEDS = 3000 if DEEP else 200
CODES_A_PAIR = 30 if DEEP else 2
BAUDS = (1200, 2400, 4800, 9600, 14400, 19200, 38400, 57600, 115200)
BASE_32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

# ------------------------------------------------------------------------------------------------ the line


def code_of_a_restaurant(chance: random.Random) -> str:
    def digits(count: int) -> str:
        return "".join(chance.choice("0123456789") for _ in range(count))

    return chance.choice(
        [
            digits(13),
            digits(8),
            "1" + str(chance.randrange(6)) + digits(16),
            "28" + digits(16),
            "HTTPS://JOIN.EXAMPLE/J/" + "".join(chance.choice(BASE_32) for _ in range(141)),
            "T1-1-" + digits(6),
        ]
    )


def scans(data: bytes, framing: Framing | None = None) -> list[Scan]:
    framer = Framer(framing)
    return [one for one in framer.feed(data, 0) + framer.tick(10_000) if isinstance(one, Scan)]


def test_the_line_at_the_right_speed_is_heard_as_it_was_sent():
    """The negative control of the simulation: what is heard wrongly is the speed's doing."""
    chance = random.Random(1)
    for _ in range(50):
        code = code_of_a_restaurant(chance)
        levels = line_of(code.encode() + b"\r")
        got = heard(levels, sent=9600, read=9600, phase=chance.random() / 8, needs_edge=True)
        assert scans(got) == [Scan(code)]


@pytest.mark.parametrize("sent", BAUDS)
@pytest.mark.parametrize("read", BAUDS)
def test_codes_read_at_the_wrong_baud_rate_make_no_scan(sent, read):
    if sent == read:
        return
    chance = random.Random(f"{sent} {read}")
    for _ in range(CODES_A_PAIR):
        code = code_of_a_restaurant(chance)
        for end in (b"\r", b"\r\n", b"\n", b"\t", b""):
            levels = line_of(code.encode() + end)
            for needs_edge in (False, True):
                got = heard(levels, sent=sent, read=read, phase=chance.random() / 8, needs_edge=needs_edge)
                assert scans(got) == [], (code, got)


def test_codes_read_with_the_wrong_parity_make_no_scan_but_themselves():
    chance = random.Random(3)
    for _ in range(SEEDS):
        code = code_of_a_restaurant(chance)
        for odd in (0, 1):
            sent = code.encode() + chance.choice([b"\r", b"\n", b"\r\n", b"\t", b""])
            got = bytes(byte | ((byte.bit_count() & 1) ^ odd) << 7 for byte in sent)
            assert {scan.text for scan in scans(got)} <= {code}


# ---------------------------------------------------------------------------------------------- the floods

FLOODS: dict[str, Callable[[random.Random], bytes]] = {
    "0xFF": lambda chance: b"\xff" * chance.randrange(1, 20_000),
    "0x00": lambda chance: b"\0" * chance.randrange(1, 20_000),
    "random": lambda chance: chance.randbytes(chance.randrange(200, 2000)),
    "high": lambda chance: bytes(chance.randrange(0x80, 0x100) for _ in range(chance.randrange(3, 400))),
    "control": lambda chance: bytes(chance.choice(b"\x01\x04\x05\x0c\x1b\x1d\x1e\x7f") for _ in range(300)),
    "few levels": lambda chance: bytes(chance.choice(b"\x00\x80\xc0\xe0\xf0\xf8\xfc\xfe\xff") for _ in range(300)),
    "half frames": lambda chance: b"\x02" + b"6901234567892"[: chance.randrange(1, 6)] + b"\xff\x02\x02\xfe\r",
}


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_of_garbage_makes_no_scan(flood):
    for seed in range(SEEDS):
        assert scans(FLOODS[flood](random.Random(f"{flood} {seed}"))) == []


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_of_garbage_makes_no_card_and_keeps_no_byte(flood):
    for seed in range(SEEDS):
        reader = MagstripeReader()
        found = reader.feed(FLOODS[flood](random.Random(f"{flood} {seed}")), 0) + reader.tick(10_000)
        assert all(isinstance(one, CardUnread) for one in found)
        assert len(found) < 20
        assert not any(reader._swipe)


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_of_garbage_types_no_code_and_names_no_uid(flood):
    for seed in range(SEEDS):
        data = FLOODS[flood](random.Random(f"{flood} {seed}"))
        keys, nfc = KeyReader(), NfcReader()
        assert not any(isinstance(one, Scan) for one in keys.feed(data, 0) + keys.tick(10_000))
        assert not any(isinstance(one, Uid) for one in nfc.feed(data, 0))


@pytest.mark.parametrize("flood", FLOODS)
def test_memory_stays_flat_and_the_next_good_code_is_read_after_any_flood(flood):
    for seed in range(20):
        framer = Framer()
        for step in range(10):
            framer.feed(FLOODS[flood](random.Random(f"{flood} {seed} {step}")), step)
        assert len(framer._code) <= 4200
        assert len(framer._held) <= 1
        framer.tick(1000)

        assert framer.feed(b"6901234567892\r", 1100) == [Scan("6901234567892")]


def test_the_check_for_scans_would_see_one():
    """The negative control of the floods: the same check on a stream that holds a code."""
    assert scans(b"\xff\xff\r") + scans(b"6901234567892\r") == [Scan("6901234567892")]


# --------------------------------------------------------------------------------------------- the secrets

PAN = "4111111111111111"
PAYMENT = "134567890123456789"
BADGE = "ZGS-7K3M9P2Q"
SECRETS = (PAN, PAYMENT, BADGE, "4111 1111 1111 1111")
STREAMS = (
    f"%B{PAN}^DOE/JOHN^28122010000?;{PAN}=28122010000?\r",
    f";{PAN}=28122010000?\r"[::-1],
    f";{PAN}=2812",
    f"{PAN}\r",
    "4111 1111 1111 1111\r",
    f"pay {PAN} now\r",
    f"{PAYMENT}\r",
    PAYMENT,
    f"\x02{PAYMENT}\x03{PAYMENT[:9]}",
    f"{BADGE}\r",
    f"https://example.com/?code={PAYMENT}\r",
    f"{PAYMENT}\x1b\xff\r",
    f"{PAYMENT * 300}\r",
)


def key_records(text: str) -> bytes:
    codes = dict(zip("1234567890", range(2, 12), strict=True)) | {"\r": 28, "=": 13, ";": 39}
    return b"".join(RECORD.pack(0, 0, 1, codes.get(sign, 59), value) for sign in text for value in (1, 0))


def through_everything(text: str) -> Iterable[object]:
    """Every parser, whole and in pieces, with what it gives and what it is afterwards."""
    data = text.encode("latin-1")
    for size in (1, 7, len(data)):
        for reader in (Framer(), Framer(Framing(prefix="#", suffix="*")), MagstripeReader(), NfcReader()):
            for at in range(0, len(data), size):
                yield from reader.feed(data[at : at + size], at)
            yield from reader.tick(10_000)
            yield reader
            yield from reader.reset()
    keys = KeyReader()
    yield from keys.feed(key_records(text), 0)
    yield from keys.tick(1000)
    yield keys
    yield from MagstripeReader().feed(Keyboard().typed(key_records(text)), 0)
    for accepts in (frozenset(Kind), frozenset[Kind](), frozenset({Kind.DISH})):
        yield route(text.strip(), accepts)
    shelf = BearerShelf()
    handle = shelf.put(PAYMENT, 0)
    yield handle
    yield shelf
    code = shelf.take(handle, 1)
    yield code
    assert code is not None
    code.release()
    try:
        code.reveal()
    except ValueError as error:
        yield error


def told(things: Iterable[object], caplog: pytest.LogCaptureFixture) -> str:
    """All that a log, a traceback or a crash report could hold of these things."""
    written = []
    with caplog.at_level(logging.DEBUG):
        for thing in things:
            logging.getLogger("devices").debug("read %r", thing, extra={"thing": thing})
            written += [repr(thing), str(thing), f"{thing}"]
            if isinstance(thing, BaseException):
                written += traceback.format_exception(thing)
    return "\n".join([caplog.text, *written])


@pytest.mark.parametrize("text", STREAMS)
def test_no_log_no_repr_and_no_exception_tells_a_card_number_a_payment_code_or_a_badge(text, caplog):
    everything = told(through_everything(text), caplog)

    assert "CardUnread" in everything or "BankCard" in everything
    assert [secret for secret in SECRETS if secret in everything] == []


@dataclass(frozen=True)
class UnmaskedScan:
    """A scan as a dataclass would write it by itself."""

    text: str


@pytest.mark.parametrize("secret", SECRETS)
def test_an_unmasked_scan_or_exception_is_found_by_the_same_check(secret, caplog):
    assert secret in told([UnmaskedScan(secret)], caplog)
    assert secret in told([ValueError(f"bad code {secret}")], caplog)


def test_what_may_leave_a_parser_is_there_for_the_program_all_the_same():
    """Hidden is not lost: the text of a scan is whole, and a bank card is known as one."""
    found = [*through_everything(STREAMS[0]), *through_everything(STREAMS[6])]

    assert BankCard() in found
    assert Scan(PAYMENT) in found
    assert any(isinstance(one, Noise) for one in found)
    assert not any(isinstance(one, Ask) for one in found)
