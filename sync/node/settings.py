"""Settings: a TOML file plus the environment into one typed struct, every mistake in one message."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

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
    _lay_over(tree, prefix, os.environ if environment is None else environment)
    return convert(tree, kind, str(path))


def from_environment(prefix: str, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Read what the environment says alone, as a tree for `convert`."""
    tree: dict[str, Any] = {}
    _lay_over(tree, prefix, os.environ if environment is None else environment)
    return tree


def _lay_over(tree: dict[str, Any], prefix: str, environment: Mapping[str, str]) -> None:
    for name, text in environment.items():
        if name.startswith(f"{prefix}__"):
            _put(tree, name.removeprefix(f"{prefix}__").lower().split("__"), text)


def convert(tree: dict[str, Any], kind: type[T], where: str) -> T:
    """Fit a tree to a kind.

    Raises:
        SettingsError: every field that does not fit is named, not only the first.
    """
    try:
        return msgspec.convert(tree, kind, strict=True)
    except msgspec.ValidationError as first:
        message = f"{where}: " + "; ".join(_mistakes(tree, kind, "$") or [str(first)])
        raise SettingsError(message) from first


def _mistakes(tree: dict[str, Any], kind: type[msgspec.Struct], at: str) -> list[str]:
    """Name everything that does not fit, tables within tables included; msgspec itself stops at the first."""
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    found = [f"Object contains unknown field `{name}` - at `{at}`" for name in tree if name not in fields]
    for name, field in fields.items():
        if name not in tree:
            found += [f"Object missing required field `{name}` - at `{at}`"] if field.required else []
            continue
        table = _table(field.type)
        if table is not None and isinstance(tree[name], dict):
            found += _mistakes(tree[name], table, f"{at}.{name}")
            continue
        try:
            msgspec.convert(tree[name], field.type, strict=True)
        except msgspec.ValidationError as error:
            text = str(error).replace("`$", f"`{at}.{name}")
            found.append(text if "`$" in text else f"{text} - at `{at}.{name}`")
    return found


def _table(kind: Any) -> type[msgspec.Struct] | None:  # noqa: ANN401 - any annotation that a field may have
    """Give the struct that a field's type is, or may be."""
    for one in (kind, *get_args(kind)):
        if isinstance(one, type) and issubclass(one, msgspec.Struct):
            return one
    return None


def _put(tree: dict[str, Any], path: list[str], text: str) -> None:
    for part in path[:-1]:
        inner = tree.setdefault(part, {})
        if not isinstance(inner, dict):
            message = f"the environment names {'.'.join(path)}, but {part} is no table"
            raise SettingsError(message)
        tree = inner
    try:
        tree[path[-1]] = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        tree[path[-1]] = text
