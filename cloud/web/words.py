"""The catalogue of every word a person reads from the hub, in both languages, from `words.toml`."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from sync.contract import words as contract_words

CATALOGUE = Path(__file__).with_name("words.toml")
LOCALES = contract_words.LOCALES
_COLUMNS = {"zh": contract_words.ZH, "en": contract_words.EN}


class Words:
    """Texts by key and locale; a missing key is a mistake of ours and raises, so a test finds it first."""

    def __init__(self, texts: Mapping[str, Mapping[str, str]]) -> None:
        """Take texts as `{key: {locale tag: text}}`."""
        self._texts = texts

    def text(self, key: str, locale: str, /, **values: object) -> str:
        """Give a text with its placeholders filled.

        Raises:
            KeyError: there is no such key, or a placeholder has no value.
        """
        text = self._texts[key][locale]
        return text.format(**values) if values else text

    def has(self, key: str) -> bool:
        """Say whether a key is in the catalogue (for names that come from data, such as a quarantine reason)."""
        return key in self._texts

    def keys(self) -> list[str]:
        """Every key, in the order of the file."""
        return list(self._texts)


@cache
def load(path: Path = CATALOGUE) -> Words:
    """Read the catalogue.

    Raises:
        ValueError: an entry lacks one of the languages or holds anything but text.
    """
    texts: dict[str, dict[str, str]] = {}
    _collect(tomllib.loads(path.read_text(encoding="utf-8")), "", texts)
    return Words(texts)


def _collect(tree: Mapping[str, Any], prefix: str, into: dict[str, dict[str, str]]) -> None:
    for name, value in tree.items():
        key = f"{prefix}{name}"
        if not isinstance(value, dict):
            raise ValueError(f"{key}: a word stands alone")  # noqa: TRY004 - the file is wrong, not the caller
        if "zh" in value or "en" in value:
            if set(value) != set(_COLUMNS) or not all(isinstance(text, str) for text in value.values()):
                raise ValueError(f"{key}: needs zh and en, both text")
            into[key] = {_COLUMNS[column]: text for column, text in value.items()}
        else:
            _collect(value, f"{key}.", into)
