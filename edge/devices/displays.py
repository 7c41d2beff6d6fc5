"""Customer displays of two lines or eight figures: the newest view wins, and nobody ever waits for one."""

import threading
from collections.abc import Iterable
from typing import Final

from drivers.display.displays import DISPLAYS
from drivers.display.screen import Display, Screen, fit, wording
from edge.devices.talk import NOTHING, Bell, Heard
from edge.domain.device_rows import DisplayRow
from edge.domain.guest_view import WELCOME, GuestView
from sync.contract.money import plain

_WORDS: Final = {
    "welcome": ("欢迎光临", "Welcome"),
    "total": ("合计", "Total"),
    "received": ("实收", "Received"),
    "change": ("找零", "Change"),
}


class Board:
    """What one display is to show: written by the till, read by the display's own thread."""

    def __init__(self, row: DisplayRow) -> None:
        self.row = row
        self._lock = threading.Lock()
        self._view = WELCOME
        self._revision = 0
        self._bell: Bell | None = None

    def put(self, view: GuestView) -> None:
        """Show this instead of whatever is shown, or of what has not been shown yet."""
        with self._lock:
            if view == self._view:
                return
            self._view = view
            self._revision += 1
            bell = self._bell
        if bell is not None:
            bell.ring()

    def listen(self, bell: Bell) -> None:
        """Ring this bell when there is something new."""
        with self._lock:
            self._bell = bell

    def newest(self) -> tuple[int, GuestView]:
        """Give the view with its number, which rises with each change."""
        with self._lock:
            return self._revision, self._view


class Boards:
    """The displays of all tills."""

    def __init__(self, rows: Iterable[DisplayRow]) -> None:
        self._boards = [Board(row) for row in rows]

    def board(self, device_id: str) -> Board:
        """Give the board of a display of ours."""
        return next(board for board in self._boards if board.row.id == device_id)

    def show(self, till: str, view: GuestView) -> None:
        """Show something on the displays of a till, if it has any."""
        for board in self._boards:
            if board.row.till == till:
                board.put(view)


class DisplayTalk:
    """One connection to one display; see `Talk`. It says nothing, so it is `ready` while bytes can be handed over."""

    poll_ms = 0
    linger_ms = 0
    listens = False

    def __init__(self, board: Board, bell: Bell) -> None:
        self._board = board
        self._display = DISPLAYS[board.row.protocol](hanzi=board.row.hanzi)
        self._shown = -1
        board.listen(bell)

    def hello(self) -> bytes:
        """Put it into the state that everything else counts on: it may come back from a power cut."""
        return self._display.initial()

    def question(self) -> bytes:
        """A display is not asked."""
        return b""

    def outgoing(self) -> bytes:
        """Show what is newest, once; after connecting whatever was shown last."""
        revision, view = self._board.newest()
        if revision == self._shown:
            return b""
        self._shown = revision
        return self._display.show(screen_of(view, self._display, hanzi=self._board.row.hanzi))

    def feed(self, data: bytes, now_ms: int) -> Heard:
        """Whatever a display says means nothing."""
        del data, now_ms
        return NOTHING

    def tick(self, now_ms: int) -> Heard:
        """Time changes nothing."""
        del now_ms
        return NOTHING

    def closed(self, now_ms: int) -> Heard:
        """There is nothing to finish."""
        del now_ms
        return NOTHING


def screen_of(view: GuestView, display: Display, *, hanzi: bool) -> Screen:
    """Lay a view out in two rows (pure)."""

    def row(word: str, amount_fen: int) -> str:
        return fit(_word(word, hanzi=hanzi), plain(amount_fen), display.columns)

    if view.show == "welcome":
        return Screen(_word("welcome", hanzi=hanzi), "")
    if view.show == "idle":
        return Screen("", "")
    if view.show == "change":
        figure = plain(view.change_fen)
        return Screen(row("received", view.received_fen), row("change", view.change_fen), figure, "change")
    if view.show == "total" or view.name is None:
        return Screen("", row("total", view.total_fen), plain(view.total_fen), "total")
    called = wording(view.name.zh, view.name.en, "", hanzi=hanzi)
    upper = fit(called if view.qty == 1 else f"{view.qty}x {called}", plain(view.amount_fen), display.columns)
    # A display of figures alone has no room for a name: the amount of what was just rung up is what the guest looks for.
    return Screen(upper, row("total", view.total_fen), plain(view.amount_fen), "unit_price" if view.qty == 1 else "")


def _word(key: str, *, hanzi: bool) -> str:
    zh, en = _WORDS[key]
    return zh if hanzi else en
