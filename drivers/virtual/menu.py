"""What can be switched on a twin, as rows that a page draws and an address is checked against; alike for every kind."""

from collections.abc import Iterable, Mapping
from typing import Literal, TypeVar

import msgspec

from drivers.errors import DeviceRejected


class MenuRow(msgspec.Struct, frozen=True):
    """One row of a menu.

    Attributes:
        words_key: names its text in `words.toml`; `unit_key` the text after a number.
        minimum, maximum: the smallest and the largest number.
        usual: the number it goes back to when cleared.
        empty: a number that may be absent.
        choices: what a `choice` may be.
        more: shown only when the person asks for the whole menu.
    """

    name: str
    kind: Literal["switch", "number", "text", "choice"]
    words_key: str
    unit_key: str = ""
    maximum: int = 0
    minimum: int = 0
    usual: int = 0
    empty: bool = False
    choices: tuple[str, ...] = ()
    more: bool = False


Switches = TypeVar("Switches", bound=msgspec.Struct)


def moved(switches: Switches, change: object, *, as_text: bool = False) -> Switches:
    """Give the switches with some of them moved.

    Args:
        change: an object of names and values, as it came from a page, a script or an address.
        as_text: every value is text, as in an address, and 1 is on.

    Raises:
        DeviceRejected: a name or value is not on the menu; the sentence says which.
    """
    kind = type(switches)
    if not isinstance(change, Mapping):
        raise DeviceRejected(
            f"switches are an object of names and values; the names are {', '.join(kind.__struct_fields__)}"
        )
    for name in change:
        if name not in kind.__struct_fields__:
            raise DeviceRejected(f"there is no switch {name!r}; there are {', '.join(kind.__struct_fields__)}")
    try:
        return msgspec.convert(msgspec.to_builtins(switches) | dict(change), kind, strict=not as_text)
    except msgspec.ValidationError as error:
        raise DeviceRejected(rejected(error, kind)) from error


def from_query(kind: type[Switches], pairs: Iterable[tuple[str, str]]) -> Switches:
    """Read the switches of an address on top of their usual values; see `moved`."""
    return moved(kind(), dict(pairs), as_text=True)


def rejected(error: msgspec.ValidationError, kind: type[msgspec.Struct]) -> str:
    """Say what is wrong with a change and what there is."""
    return f"{error}; the switches are {', '.join(kind.__struct_fields__)}"
