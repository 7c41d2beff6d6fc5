"""Customer displays: the bytes, what a guest then sees on a small model of each, and every failure of drivers.md §7."""

import pytest

from drivers.display.cd5220 import Cd5220
from drivers.display.displays import DISPLAYS
from drivers.display.led8 import Led8
from drivers.display.screen import Screen, cut, fit, row, through_printer, wording
from drivers.display.vfd import EscPosVfd
from drivers.escpos.text import columns_of

HOSTILE = [
    "菜\x1bp\x00\x19\xfa名",
    "\x0c\x1b@",
    "a\rb\nc",
    "\x1f\x02",
    "\udcff\u200b\ue000",
    "😀𠮷",
    "٣.٥",
    "\x1bQA99\r",
]


LENGTHS = {
    b"\x1bQ": 3,
    b"\x1b@": 2,
    b"\x1b=": 3,
    b"\x1bs": 3,
    b"\x1f\x01": 2,
    b"\x1fC": 3,
    b"\x1f$": 4,
}


class Pole:
    """A display of two rows that remembers its modes over an unplugged cable, as one with its own power supply does."""

    def __init__(self) -> None:
        self.rows = [bytearray(b" " * 20), bytearray(b" " * 20)]
        self.string: bytearray | None = None
        self.row = self.column = 0
        self.scrolling = True
        self.lamp = b""
        self.figures = b""
        self.begun = b""
        self.strange: list[bytes] = []

    def feed(self, data: bytes) -> None:
        for byte in data:
            self._take(byte)

    def _take(self, byte: int) -> None:
        if self.string is not None:
            self._in_string(byte)
            return
        self.begun += bytes([byte])
        lead = self.begun[:2]
        if self.begun in {b"\x1b", b"\x1f"} or len(self.begun) < LENGTHS.get(lead, 1):
            return
        command, self.begun = self.begun, b""
        deeds = {
            b"\x1bQA": lambda: self._open(0),
            b"\x1bQB": lambda: self._open(1),
            b"\x1b@": self._reset,
            b"\x0c": self._clear,
            b"\x1f\x01": self._overwrite,
        }
        if command in deeds:
            deeds[command]()
        elif lead == b"\x1f$":
            self._move(command)
        elif lead == b"\x1bs":
            self.lamp = command[2:]
        elif command[0] >= 0x20:
            self._put(command[0])
        elif lead not in LENGTHS and command != b"\r":
            self.strange.append(command)

    def _in_string(self, byte: int) -> None:
        assert self.string is not None
        if byte == 0x0D:
            self.rows[self.row][:] = self.string[:20].ljust(20)
            self.figures = bytes(self.string)
            self.string = None
        elif byte == 0x0C:
            self.string = None
            self._clear()
        else:
            self.string.append(byte)

    def _open(self, row: int) -> None:
        self.string, self.row = bytearray(), row

    def _reset(self) -> None:
        self.scrolling = True
        self._clear()

    def _overwrite(self) -> None:
        self.scrolling = False

    def _clear(self) -> None:
        self.rows = [bytearray(b" " * 20), bytearray(b" " * 20)]
        self.row = self.column = 0
        self.figures = b""

    def _move(self, command: bytes) -> None:
        if command[2] in range(1, 21) and command[3] in {1, 2}:
            self.column, self.row = command[2] - 1, command[3] - 1

    def _put(self, byte: int) -> None:
        self.rows[self.row][self.column] = byte
        self.column += 1
        if self.column < 20:
            return
        self.column = 0
        if self.row == 0:
            self.row = 1
        elif self.scrolling:
            self.rows = [self.rows[1], bytearray(b" " * 20)]
        else:
            self.row = 0

    @property
    def text(self) -> list[str]:
        return [bytes(each).decode("gbk") for each in self.rows]


SALE = Screen(fit("宫保鸡丁 x2", "¥76.00", 20), fit("合计 Total", "114.00", 20), meaning="total")


def test_cd5220_writes_each_row_as_one_string_of_twenty_bytes():
    shown = Cd5220(hanzi=True).show(Screen("宫保鸡丁", "1"))

    assert shown == b"\x1bQA" + "宫保鸡丁".encode("gbk") + b" " * 12 + b"\r" + b"\x1bQB1" + b" " * 19 + b"\r"
    assert Cd5220().initial() == b"\r\x0c\x1b@\x0c"


def test_a_vfd_is_addressed_by_cursor_and_never_scrolls():
    display = EscPosVfd()
    pole = Pole()
    pole.feed(display.initial())
    for _ in range(3):
        pole.feed(display.show(Screen(fit("Total", "114.00", 20), fit("Received", "200.00", 20))))

    assert display.show(Screen("a", "b")) == b"\x1f$\x01\x01a" + b" " * 19 + b"\x1f$\x01\x02b" + b" " * 19
    assert pole.text == ["Total         114.00", "Received      200.00"]


@pytest.mark.parametrize(
    ("screen", "data"),
    [
        (Screen("", "合计 1,234.50", meaning="total"), b"\x1bQA1234.50\r\x1bs2"),
        (Screen("Change", "", figure="−0.50", meaning="change"), b"\x1bQA-0.50\r\x1bs4"),
        (Screen("宫保鸡丁  38.00", "", meaning="unit_price"), b"\x1bQA38.00\r\x1bs1"),
        (Screen("Received 200.00", "Thank you", meaning="received"), b"\x1bQA200.00\r\x1bs3"),
        (Screen("", "", figure="999999.99", meaning="total"), b"\x1bQA999999.99\r\x1bs2"),
        (Screen("", "", figure="1234567.89", meaning="total"), b"\x1bQA--------\r\x1bs2"),
        (Screen("欢迎光临", "Welcome"), b"\x0c\x1bs0"),
        (Screen("", "Table 12 is free", meaning="total"), b"\x0c\x1bs0"),
    ],
)
def test_led8_shows_the_figure_and_its_lamp_and_nothing_else(screen, data):
    assert Led8().show(screen) == data


@pytest.mark.parametrize(
    ("left", "right", "shown"),
    [
        ("宫保鸡丁", "38.00", "宫保鸡丁       38.00"),
        ("农家小炒黄牛肉加辣加葱", "1,234.50", "农家小炒黄  1,234.50"),
        ("a农家小炒黄牛肉加辣加葱", "1,234.50", "a农家小炒黄 1,234.50"),
        ("Kung Pao chicken with cashews", "58.00", "Kung Pao chick 58.00"),
        ("Total", "", "Total               "),
        ("", "114.00", "              114.00"),
        ("a", "1" * 20, "1" * 20),
        ("a", "1" * 21, "-" * 20),
    ],
)
def test_a_price_stays_whole_at_the_right_edge_and_the_name_gives_way(left, right, shown):
    assert fit(left, right, 20) == shown
    assert columns_of(fit(left, right, 20)) == 20


def test_the_twentieth_column_never_cuts_a_hanzi_in_two():
    for blanks in range(25):
        data = row(" " * blanks + "宫保鸡丁鱼香肉丝回锅肉麻婆豆腐", 20, hanzi=True)
        assert len(data) == 20
        assert (
            data.decode("gbk").rstrip()
            == (" " * blanks + "宫保鸡丁鱼香肉丝回锅肉麻婆豆腐")[: blanks + (20 - blanks) // 2].rstrip()
        )


def test_cutting_bytes_instead_of_characters_would_be_noticed():
    careless = ("a" + "宫保鸡丁鱼香肉丝回锅肉").encode("gbk")[:20]

    with pytest.raises(UnicodeDecodeError):
        careless.decode("gbk")
    assert cut("a" + "宫保鸡丁鱼香肉丝回锅肉", 20) == "a宫保鸡丁鱼香肉丝回"


@pytest.mark.parametrize("name", sorted(DISPLAYS))
@pytest.mark.parametrize("hanzi", [True, False])
@pytest.mark.parametrize("nasty", HOSTILE)
def test_no_name_carries_a_command_to_the_display(name, hanzi, nasty):
    display = DISPLAYS[name](hanzi=hanzi)
    assert display.name == name
    pole = Pole()
    pole.feed(display.initial())

    shown = display.show(Screen(fit(nasty, "8.00", display.columns), nasty, figure=nasty))
    pole.feed(shown)

    harmless = display.show(Screen(fit("name", "8.00", display.columns), "name"))
    if name != "led8":
        assert [byte for byte in shown if byte < 0x20] == [byte for byte in harmless if byte < 0x20]
        assert pole.text[0].endswith("8.00")
        assert pole.strange == ([b"\x1c"] if name == "escpos-vfd" and hanzi else [])
    assert all(byte < 0x80 for byte in shown) or hanzi


def test_a_name_sent_as_it_came_would_be_noticed():
    pole = Pole()
    pole.feed(Cd5220().initial() + b"\x1bQA" + b"a\rb" + b"\r")

    assert pole.text[0].rstrip() != "ab"


def test_without_chinese_characters_the_latin_name_or_the_code_is_shown_and_never_other_hanzi():
    assert wording("宫保鸡丁", "Kung Pao chicken", "101", hanzi=True) == "宫保鸡丁"
    assert wording("宫保鸡丁", "Kung Pao chicken", "101", hanzi=False) == "Kung Pao chicken"
    assert wording("宫保鸡丁", "", "101", hanzi=False) == "101"
    assert wording("宫保鸡丁", "宫保", "101", hanzi=False) == "101"
    assert row("合计 ¥58.00 ×2 Ａ", 20, hanzi=False) == b"????  Y58.00  x2  A "
    assert row(fit("合计", "￥58.00", 20), 20, hanzi=False) == b"????          Y58.00"


@pytest.mark.parametrize("name", ["cd5220", "escpos-vfd"])
def test_after_a_replug_in_mid_row_the_display_is_right_again_once_initial_was_sent(name):
    display = DISPLAYS[name](hanzi=True)
    for cut_at in range(len(display.show(SALE))):
        pole = Pole()
        pole.feed(display.initial() + display.show(SALE)[:cut_at])
        pole.scrolling = True

        pole.feed(display.initial() + display.show(SALE))

        assert pole.text == [SALE.upper, SALE.lower], cut_at


@pytest.mark.parametrize(("name", "cut_at"), [("cd5220", 5), ("escpos-vfd", 30)])
def test_without_initial_a_replug_would_leave_a_wrong_screen(name, cut_at):
    display = DISPLAYS[name](hanzi=True)
    pole = Pole()
    pole.feed(display.initial() + display.show(SALE)[:cut_at])
    pole.scrolling = True

    pole.feed(display.show(SALE))

    assert pole.text != [SALE.upper, SALE.lower]


def test_led8_after_a_replug_in_mid_figure_shows_the_next_figure_alone():
    pole, display = Pole(), Led8()
    pole.feed(display.initial() + b"\x1bQA12")
    pole.feed(display.initial() + display.show(Screen("", "38.00", meaning="total")))

    assert (pole.figures, pole.lamp) == (b"38.00", b"2")


def test_a_display_on_the_printers_line_is_selected_and_the_printer_again_after():
    assert through_printer(b"x") == b"\x1b=\x02x\x1b=\x01"
