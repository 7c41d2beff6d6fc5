"""What a person can press at the screens of the node, read from their sources: keys and entries of menus.

Keys are `where:key`; where is a page of the till (`order`, `pay`, `sheet`; `till` = everywhere), or the module that listens. What is
typed as text (a name, a note) is no key. Entries are `where:entry`, as the lists in the modules name them.
"""

import re
from collections.abc import Iterator
from pathlib import Path

STATIC = Path(__file__).resolve().parents[2] / "edge" / "web" / "static"
PLACES = {"orderKey": "order", "payKey": "pay", "heldKey": "sheet", "functionKey": "till"}
"""The functions of keys.js that listen, and where."""
MENUS = {"more": "more", "tables_bar": "bar", "order_sheet": "order", "line_sheet": "line"}
"""The modules whose lists of entries have a shorter name than the module."""
LISTS = r"(?:[A-Z]+_)?(?:ENTRIES|KEYS|ACTS)"
"""What a list of entries is called; each row begins with the entry's id."""
NO_PERSON = frozenset({"wedge"})
"""Listens for a scanner that types."""
NO_KEYS = frozenset({" ", "?", "Process", "Shift", "CapsLock"})
"""What a module beside keys.js names only to leave it alone."""
SHAPES = {r"/^[0-9]$/": "0-9", r"/^[0-9.]$/": "0-9.", r"/^[\p{L}\p{N}-]$/u": "Name"}
"""How a kind of keys is written, and what it is called."""
_FUNCTION = re.compile(r"^(?:export )?function (\w+)", re.MULTILINE)
_KEY = re.compile(r'(?:event\.key|\bkey) ([=!])== "([^"]+)"')
_ROW = re.compile(r'^  \["([\w-]+)"', re.MULTILINE)


def sources(static: Path = STATIC) -> dict[str, str]:
    """Read every module that a person of the house may have before them, by its place (`till/keys`)."""
    found = {path.relative_to(static).with_suffix("").as_posix(): path for path in sorted(static.rglob("*.js"))}
    return {
        place: path.read_text(encoding="utf-8")
        for place, path in found.items()
        if not place.startswith(("vendor/", "guest/")) and place.rpartition("/")[2] not in NO_PERSON
    }


def keys_of(modules: dict[str, str]) -> set[str]:
    """Name every key."""
    return {
        key for place, text in modules.items() for key in (_of_till(text) if place == "till/keys" else _of(place, text))
    }


def menu_of(modules: dict[str, str]) -> set[str]:
    """Name every entry of a menu."""
    return {entry for place, text in modules.items() for entry in _entries(place.rpartition("/")[2], text)}


def _of_till(text: str) -> Iterator[str]:
    found = list(_FUNCTION.finditer(text))
    for at, begin in enumerate(found):
        end = found[at + 1].start() if at + 1 < len(found) else len(text)
        body, place = text[begin.start() : end], PLACES.get(begin[1])
        if '.toLowerCase() === "z"' in body:
            yield "till:Ctrl+Z"
        if place is None:
            continue
        yield from (f"{place}:{key}" for key in re.findall(r'case "([^"]+)":', body))
        yield from (f"{place}:{key}" for same, key in _KEY.findall(body) if same == "=")
        yield from (f"{place}:{name}" for shape, name in SHAPES.items() if f"{shape}.test(event.key)" in body)


def _of(place: str, text: str) -> Iterator[str]:
    folder, _, name = place.rpartition("/")
    where = folder if name == "main" else name
    if "event.key" not in text and "press(key)" not in text:
        return
    yield from (f"{where}:{key}" for _, key in _KEY.findall(text) if key not in NO_KEYS)
    yield from (f"{where}:{kind}" for shape, kind in SHAPES.items() if f"{shape}.test(event.key)" in text)
    if re.search(r"\{ ArrowRight: [^}]*\}\[event\.key\]", text):
        yield f"{where}:Arrows"


def _entries(name: str, text: str) -> Iterator[str]:
    where = MENUS.get(name, name)
    for rows in re.findall(rf"^(?:export )?const {LISTS} = \[\n(.*?)^\];", text, re.MULTILINE | re.DOTALL):
        yield from (f"{where}:{entry}" for entry in _ROW.findall(rows))
    yield from (f"bar:{entry}" for entry in re.findall(r'class: "fn", testid: "([\w-]+)"', text))
    yield from (f"shift:{entry}" for entry in re.findall(r'\bkey\("shift\.\w+", "shift-([\w-]+)"', text))
    yield from (f"pay:{entry}" for entry in re.findall(r'class: "key quiet tip", testid: "([\w-]+)"', text))
    yield from (
        f"receipt:{entry}"
        for entry in re.findall(r'\bonFapiao \? el\("button", \{ class: "key", testid: "([\w-]+)"', text)
    )
    yield from (f"pay:{entry}" for entry in re.findall(r'this\.way\("pay\.\w+", "(way-\w+)"', text))
