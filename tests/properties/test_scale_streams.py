"""Whatever a scale sends and however the bytes are cut: the same readings, never an exception, never a growing buffer."""

from hypothesis import given
from hypothesis import strategies as st

from drivers.scale.dialects import DIALECTS
from drivers.scale.reading import Reading, Weight

FRAMES = st.sampled_from(
    [
        b"\x0200.486\r",
        b"\x02  1.234N\r",
        b"\x02?\x61\r",
        b"\x02?\x62\r",
        b"\x02?\r\r",
        b"ST,GS,+  0.486 kg\r\n",
        b"US,NT,-  0.012 g\r",
        b"OL,GS,+       \n",
        b"ST,TR,+  0.200 kg\r\n",
        b"\xff\x43\x86\x04\x00",
        b"\xff\x43\x86\x04\x00\x00",
        b"\xff\x43\x86\x04\x00\x01",
        b"\xff\xe3\x99\x99\x99\x00",
    ]
)
PIECE = st.one_of(
    FRAMES, FRAMES.flatmap(lambda frame: st.integers(0, len(frame)).map(lambda n: frame[:n])), st.binary(max_size=9)
)
STREAM = st.lists(PIECE, max_size=30).map(b"".join)
NAME = st.sampled_from(sorted(DIALECTS))


@given(NAME, STREAM, st.data())
def test_a_stream_gives_the_same_readings_however_it_is_cut(name, stream, data):
    whole = DIALECTS[name]().feed(stream)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    cut = DIALECTS[name]()
    pieces: list[Reading] = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        pieces += cut.feed(stream[start:end])
    byte_by_byte = DIALECTS[name]()

    assert pieces == whole
    assert [reading for byte in stream for reading in byte_by_byte.feed(bytes([byte]))] == whole


@given(NAME, STREAM)
def test_no_stream_makes_a_negative_weight_or_keeps_more_than_a_frame(name, stream):
    dialect = DIALECTS[name]()

    readings = dialect.feed(stream)

    assert all(reading.weight_mg >= 0 for reading in readings if isinstance(reading, Weight))
    assert all(len(value) <= 41 for value in vars(dialect).values() if isinstance(value, bytearray))


class Forgetful:
    """What a dialect would be that reads each piece by itself."""

    def __init__(self, name: str) -> None:
        self._name = name

    def feed(self, data: bytes) -> list[Reading]:
        return DIALECTS[self._name]().feed(data)


def test_a_reader_that_keeps_nothing_between_pieces_would_be_noticed():
    stream = b"ST,GS,+  0.486 kg\r\n"
    forgetful = Forgetful("st-gs")

    assert [r for byte in stream for r in forgetful.feed(bytes([byte]))] != DIALECTS["st-gs"]().feed(stream)
