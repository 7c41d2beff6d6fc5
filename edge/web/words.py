"""The one catalogue of words for the node's pages, and the choice between its two languages."""

import tomllib
from functools import cache
from pathlib import Path

from flask import Request

from sync.contract.words import EN, LOCALES, ZH

_KEYS = {ZH: "zh", EN: "en"}


@cache
def catalogue() -> dict[str, dict[str, str]]:
    """Read `words.toml` as `{"zh": {key: text}, "en": {key: text}}`."""
    tree = tomllib.loads((Path(__file__).parent / "words.toml").read_text(encoding="utf-8"))
    flat: dict[str, dict[str, str]] = {"zh": {}, "en": {}}
    _flatten("", tree, flat)
    return flat


def locale_of(request: Request) -> str:
    """Choose the language a request asks for; Chinese when it asks for neither."""
    return request.accept_languages.best_match(LOCALES, default=ZH) or ZH


def english(key: str) -> str:
    """Give the words of a key for a person at a command line."""
    return catalogue()["en"][key]


def of(key: str, locale: str) -> str:
    """Give the words of a key."""
    return catalogue()[_KEYS[locale]][key]


def sentence(code: str, locale: str) -> str:
    """Give the sentence for an error code; one without words of its own (our mistake, found by a test) is named."""
    words = catalogue()[_KEYS[locale]]
    return words.get(f"error.{code}") or words["error.other"].format(code=code)


def _flatten(prefix: str, tree: dict[str, object], flat: dict[str, dict[str, str]]) -> None:
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and set(value) == {"zh", "en"} and all(isinstance(v, str) for v in value.values()):
            flat["zh"][name], flat["en"][name] = value["zh"], value["en"]
        elif isinstance(value, dict):
            _flatten(f"{name}.", value, flat)
