"""A bell that is hung up before what it rings is built."""

from collections.abc import Callable


class Bell:
    """Rings whatever was hung behind it; nothing at first, for the link is built last."""

    def __init__(self) -> None:
        self.behind: Callable[[], None] = lambda: None

    def ring(self) -> None:
        """Ring it."""
        self.behind()
