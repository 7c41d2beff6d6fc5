"""The words of the twin's page, from its one catalogue."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Final, Literal

Language = Literal["zh", "en"]
LOCALES: Final[Mapping[Language, str]] = {"zh": "zh-CN", "en": "en"}


@cache
def catalogue() -> dict[Language, dict[str, str]]:
    """Read `words.toml` into {language: {dotted key: text}}."""
    with resources.files("drivers.virtual").joinpath("words.toml").open("rb") as file:
        tables = tomllib.load(file)
    words: dict[Language, dict[str, str]] = {"zh": {}, "en": {}}
    for group, entries in tables.items():
        for name, texts in entries.items():
            words["zh"][f"{group}.{name}"] = texts["zh"]
            words["en"][f"{group}.{name}"] = texts["en"]
    return words


def known_name(name: str, language: Language) -> str:
    """Give the words for a twin's name where it is a usual one (kitchen, receipt, …), otherwise the name itself."""
    return catalogue()[language].get(f"name.{name}", name)
