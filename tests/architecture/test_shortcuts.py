"""The list of keys that the till's help shows is the list of keys that the till listens to."""

import re

from tests.kit import till_screens

SHOWN = {
    "Esc": "Escape",
    "\\u2191": "ArrowUp",
    "\\u2193": "ArrowDown",
    "\\u2212": "-",
    "Tab": "",
    "3": "",
    "*": "",
    "5": "",
    "0\\u20139": "",
    ".": "",
}
"""How a key stands on the sheet, and what a browser calls it; empty for what is typed, or is the browser's own."""
UNNAMED = {"order:ArrowUp", "order:ArrowDown", "pay:0-9.", "pay:Backspace"}
"""The same keys under a wider name."""
ROW = re.compile(r'^  \["(\w+)", \[([^\]]*)\], "(keys\.\w+)"\],$', re.MULTILINE)


def listed(text: str) -> set[str]:
    found = set()
    for _, keys, _ in ROW.findall(text):
        names = re.findall(r'"([^"]+)"', keys)
        if names[0] == "Ctrl":
            names = ["Ctrl+" + names[1]]
        found |= {SHOWN.get(name, name) for name in names} - {""}
    return found


def listens(modules: dict[str, str]) -> set[str]:
    places = {"till", "order", "pay"}
    keys = {key for key in till_screens.keys_of({"till/keys": modules["till/keys"]}) if key.partition(":")[0] in places}
    return {key.partition(":")[2] for key in keys - UNNAMED}


def test_help_shows_every_key_and_no_other() -> None:
    modules = till_screens.sources()
    shown, there = listed(modules["till/shortcuts"]), listens(modules)
    assert len(there) > 15
    assert (sorted(there - shown), sorted(shown - there - {"ArrowUp", "ArrowDown"})) == ([], [])


def test_a_key_that_help_forgot_is_found() -> None:
    modules = till_screens.sources()
    shown = listed(modules["till/shortcuts"].replace('["everywhere", ["F7"], "keys.recall"],\n', ""))
    assert "F7" in listens(modules) - shown
