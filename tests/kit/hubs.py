"""The hub as processes of their own, each a part of it."""

import json
import sys
from pathlib import Path

import msgspec

from cloud.settings import HubSettings
from scripts.demo_world import Process


def hub_process(settings: HubSettings, folder: Path, name: str, *arguments: str) -> Process:
    """Give a `zhanggui-hub run` that is not started yet; its settings and its log lie in the folder under its name."""
    path = folder / f"{name}.toml"
    path.write_text(_toml(settings))
    command = [sys.executable, "-m", "cloud", "run", "--config", str(path), *arguments]
    return Process(name, command, folder / f"{name}.log")


def _toml(settings: HubSettings) -> str:
    held = msgspec.to_builtins(settings)
    lines = [f"{name} = {_value(value)}" for name, value in held.items() if not isinstance(value, dict)]
    for name, table in held.items():
        if isinstance(table, dict):
            lines += [f"[{name}]", *(f"{key} = {_value(value)}" for key, value in table.items())]
    return "\n".join(lines) + "\n"


def _value(value: object) -> str:
    # What is plain in JSON is the same in TOML.
    return json.dumps(value, ensure_ascii=False)
