"""Settings: a TOML file plus the environment into one typed struct, every mistake in one message."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

T = TypeVar("T", bound=msgspec.Struct)


class SettingsError(ValueError):
    """The settings cannot be used; the message names each field and what is wrong with it."""


def load(path: Path, kind: type[T], prefix: str, environment: Mapping[str, str] | None = None) -> T:
    """Read settings of a kind.

    `PREFIX__TABLE__FIELD=value` in the environment overrides the file; values are read as TOML where that works, else
    as text.

    Raises:
        SettingsError: the file is missing, is not TOML, or does not fit the kind.
    """
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        message = f"{path}: there is no such file; copy the example from config/ and adjust it"
        raise SettingsError(message) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        message = f"{path}: not readable as TOML: {error}"
        raise SettingsError(message) from error
    for name, text in (os.environ if environment is None else environment).items():
        if name.startswith(f"{prefix}__"):
            _put(tree, name.removeprefix(f"{prefix}__").lower().split("__"), text)
    return convert(tree, kind, str(path))


def convert(tree: dict[str, Any], kind: type[T], where: str) -> T:
    """Fit a tree to a kind.

    Raises:
        SettingsError: every table that does not fit is named, not only the first.
    """
    try:
        return msgspec.convert(tree, kind, strict=True)
    except msgspec.ValidationError as first:
        found = [str(first)]
        for field in msgspec.structs.fields(kind):
            if field.encode_name in tree:
                try:
                    msgspec.convert(tree[field.encode_name], field.type, strict=True)
                except msgspec.ValidationError as error:
                    text = str(error).replace("$", f"$.{field.encode_name}")
                    found.append(text if "$" in text else f"{text} - at `$.{field.encode_name}`")
        message = f"{where}: " + "; ".join(dict.fromkeys(found))
        raise SettingsError(message) from first


def _put(tree: dict[str, Any], path: list[str], text: str) -> None:
    for part in path[:-1]:
        tree = tree.setdefault(part, {})
    try:
        tree[path[-1]] = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        tree[path[-1]] = text
