"""A payment code as what it is: a secret that whoever bears it can spend, for a minute.

Pure. It is held in memory only, for 60 s, handed out once, to the payment gateway, and overwritten when let go. Nothing that
writes things down gets at it: not repr, not a format, not pickle, copy or JSON (drivers.md §5.7).
"""

from collections.abc import Callable
from itertools import count
from types import TracebackType
from typing import Final, NoReturn, Self

LIFE_MS: Final = 60_000
"""WeChat's codes live one minute at most."""


class Bearer:
    """One payment code. Use it in a `with` block, or `release` it: both overwrite it.

    The characters that `reveal` gives are an ordinary text that Python cannot overwrite: ask for them in the call to the
    gateway and keep them nowhere.
    """

    __slots__ = ("_code",)

    def __init__(self, code: str) -> None:
        self._code = bytearray(code, "ascii")

    def reveal(self) -> str:
        """Give the code for the gateway.

        Raises:
            ValueError: it was released. The caller kept it too long; it is our bug.
        """
        if not self._code:
            raise ValueError("this payment code was released")
        return self._code.decode("ascii")

    def release(self) -> None:
        """Overwrite the code; any number of times."""
        self._code[:] = bytes(len(self._code))
        self._code.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def __repr__(self) -> str:
        """Say nothing, not even the length."""
        return "Bearer(…)"

    def __format__(self, spec: str) -> str:
        """Say nothing, whatever the format asks for."""
        return repr(self)

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        """Refuse pickle, copy and deepcopy.

        Raises:
            TypeError: always.
        """
        raise TypeError("a payment code is neither stored nor copied")


class BearerShelf:
    """Keeps payment codes between the scan and the charge; the screen gets a handle and never the code.

    Safe to use from several threads: each step that decides is one operation on a dict, and of two takers one gets the code.

    Args:
        life_ms: how long a code may lie here.
        handles: makes handles that do not repeat; give one that cannot be guessed where handles leave the process.
    """

    def __init__(self, life_ms: int = LIFE_MS, handles: Callable[[], str] | None = None) -> None:
        numbers = count(1)
        self._life_ms = life_ms
        self._handles = handles or (lambda: f"code-{next(numbers)}")
        self._lying: dict[str, tuple[Bearer, int]] = {}

    def __len__(self) -> int:
        return len(self._lying)

    def __repr__(self) -> str:
        """Say how many codes lie here."""
        return f"BearerShelf({len(self)} codes)"

    def put(self, code: str, now_ms: int) -> str:
        """Lay a code down; give its handle. `now_ms` is a monotonic time."""
        self.sweep(now_ms)
        handle = self._handles()
        self._lying[handle] = (Bearer(code), now_ms)
        return handle

    def take(self, handle: str, now_ms: int) -> Bearer | None:
        """Give the code once, to be released by the caller; None when it was taken, is too old or never was."""
        self.sweep(now_ms)
        held = self._lying.pop(handle, None)
        return None if held is None else held[0]

    def sweep(self, now_ms: int) -> int:
        """Overwrite and drop what is too old; give how many. Call it every second or so."""
        swept = 0
        for handle, (_code, put_ms) in list(self._lying.items()):
            # Whoever pops it owns it: it may have been taken meanwhile.
            if now_ms - put_ms >= self._life_ms and (held := self._lying.pop(handle, None)) is not None:
                held[0].release()
                swept += 1
        return swept

    def clear(self) -> None:
        """Overwrite and drop everything, at the end of a shift or of the process."""
        for handle in list(self._lying):
            if (held := self._lying.pop(handle, None)) is not None:
                held[0].release()
