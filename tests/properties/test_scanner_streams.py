"""What must hold for any stream from a scanner or a card reader, however it is cut."""

from hypothesis import given
from hypothesis import strategies as st

from drivers.card.magstripe import BankCard, MagstripeReader, MemberCard, holds_pan
from drivers.card.nfc import NfcReader
from drivers.scanner.framer import Framer, Framing, Scan
from drivers.scanner.keys import RECORD, KeyReader
from drivers.scanner.repeats import Repeats
from edge.domain.scanned import Kind, NotWanted, StoreCodes, masked, route

PIECE = st.sampled_from(
    [
        b"6901234567892",
        b"134567890123456789",
        b"A12",
        b"HTTPS://X.EXAMPLE/J/ABC234",
        "宫保鸡丁".encode(),
        "宫保鸡丁".encode("gbk"),
        b"\r",
        b"\n",
        b"\t",
        b"\x02",
        b"\x03",
        b"\0",
        b"\x1d",
        b"]E0",
        b"#",
        b"*",
        b"\xff",
        b"\x1b",
        b"7" * 60,
        b"%ZG600123?",
        b";600123?",
        b";4111111111111111=28122010000?",
        b"?321006;",
        b"%E?",
        b"+01?",
    ]
)
STREAM = st.lists(st.one_of(PIECE, st.binary(max_size=4)), max_size=25).map(b"".join)
FRAMING = st.sampled_from(
    [Framing(), Framing(max_bytes=40), Framing(prefix="#", suffix="*"), Framing(suffix="\r\n", min_chars=1)]
)
# A gap of more than any silence falls between the streams, none within them.
PARTS = st.lists(STREAM, min_size=1, max_size=3)
GAP_MS = 1000
READERS = st.sampled_from([MagstripeReader, NfcReader, KeyReader])


def play(reader, parts, sizes):
    """Feed streams with gaps between them, each cut into pieces of the sizes given in turn."""
    found = []
    turn = 0
    for number, part in enumerate(parts):
        at = 0
        while at < len(part):
            size = sizes[turn % len(sizes)]
            found += reader.feed(part[at : at + size], number * GAP_MS)
            at += size
            turn += 1
        found += reader.tick(number * GAP_MS + GAP_MS - 1)
    return found, reader.reset()


@given(PARTS, FRAMING, st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_a_scanners_stream_cut_anywhere_gives_the_same(parts, framing, sizes):
    assert play(Framer(framing), parts, sizes) == play(Framer(framing), parts, [10_000])


@given(PARTS, READERS, st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_a_card_readers_or_keyboards_stream_cut_anywhere_gives_the_same(parts, kind, sizes):
    assert play(kind(), parts, sizes) == play(kind(), parts, [10_000])


@given(STREAM, FRAMING)
def test_every_scan_is_long_enough_short_enough_and_of_writing(stream, framing):
    framer = Framer(framing)

    for one in [*framer.feed(stream, 0), *framer.tick(GAP_MS)]:
        if isinstance(one, Scan):
            assert framing.min_chars <= len(one.text) <= framing.max_bytes
            assert all(sign.isprintable() or sign in "\x04\x1d\x1e\u3000" for sign in one.text)
            assert one.text[2:] not in repr(one) or len(one.text) < 6


@given(
    STREAM,
    st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-./:", min_size=6, max_size=200).filter(
        lambda t: any(s in "0123456789/" for s in t)
    ),
)
def test_after_anything_at_all_and_a_silence_a_good_code_is_read(stream, text):
    framer = Framer()
    framer.feed(stream, 0)

    assert framer.feed(text.encode() + b"\r", GAP_MS)[-1:] == [Scan(text)]


@given(STREAM)
def test_the_card_buffer_is_zero_once_all_is_told(stream):
    reader = MagstripeReader()
    reader.feed(stream, 0)
    reader.tick(GAP_MS)

    assert not any(reader._swipe)


@given(st.integers(10**11, 10**18 - 1), st.sampled_from([";{}?", ";{}=28122010000?", "%B{}^A^2812?", "%{}?", "x {} y"]))
def test_no_number_that_passes_luhn_ever_comes_out_of_a_swipe(number, form):
    pan = str(number) + next(check for check in "0123456789" if passes_luhn(f"{number}{check}"))
    reader = MagstripeReader()

    found = [*reader.feed(form.format(pan).encode() + b"\r", 0), *reader.tick(GAP_MS)]

    if len(pan) >= 13:
        assert found == [BankCard()]
        assert holds_pan(f"card {pan}.")
    assert not any(isinstance(one, MemberCard) and len(one.id) >= 13 for one in found)


def passes_luhn(digits: str) -> bool:
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits))]
    return sum(value // 10 + value % 10 for value in doubled) % 10 == 0


@given(st.lists(st.tuples(st.sampled_from("ABC"), st.integers(0, 2000)), max_size=30))
def test_a_code_counts_exactly_when_it_was_not_seen_within_the_window(sights):
    repeats, now_ms = Repeats(), 0
    seen: dict[str, int] = {}
    for code, wait_ms in sights:
        now_ms += wait_ms
        assert repeats.first(code, now_ms) == (code not in seen or now_ms - seen[code] >= 800)
        seen[code] = now_ms


@given(
    st.one_of(
        st.text(max_size=40), st.text("0123456789 -", max_size=24), st.from_regex(r"1[0-5][0-9]{16}", fullmatch=True)
    ),
    st.frozensets(st.sampled_from(list(Kind))),
    st.frozensets(st.integers(6, 20)),
)
def test_any_text_is_routed_to_what_the_screen_accepts_or_masked(text, accepts, member_digits):
    found = route(text, accepts, StoreCodes(member_digits=member_digits))

    assert isinstance(found, NotWanted) or (found.kind in accepts and found.kind is not Kind.CARD)
    if found.kind in (Kind.PAYMENT, Kind.CARD):
        assert text.strip() not in repr(found)


@given(st.sampled_from(list(Kind)), st.text(min_size=4, max_size=60))
def test_a_mask_hides_at_least_half_of_what_must_be_hidden(kind, text):
    shown = masked(kind, text)

    if kind not in (Kind.RECEIPT, Kind.DISH, Kind.WEIGHED, Kind.URL):
        assert sum(sign not in "•…" for sign in shown) * 2 <= len(text)


@given(st.lists(st.tuples(st.integers(0, 255), st.integers(0, 2)), max_size=60))
def test_no_sequence_of_keys_breaks_the_keyboard(events):
    reader = KeyReader()
    records = b"".join(RECORD.pack(0, 0, 1, code, value) for code, value in events)

    for one in [*reader.feed(records, 0), *reader.tick(GAP_MS)]:
        assert (
            not isinstance(one, Scan)
            or one.text.isprintable()
            or "\x1d" in one.text
            or "\x1e" in one.text
            or "\x04" in one.text
        )
