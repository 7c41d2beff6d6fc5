"""Scripts for a desk: what happens to which device when, from a TOML file, the same at every run.

    [[steps]]
    at_ms = 0                        # from the moment the desk is ready
    device = "scanner/front"
    do = "scan"                      # scan, swipe, tap, load, unplug, replug, fault, or any other action of the device
    value = "6901234567892"          # what the action takes; none for unplug and replug

A script is checked whole before anything starts. Steps of one moment happen in the order of the file.
"""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec

from drivers.errors import DeviceRejected
from drivers.virtual.desk import Desk

AT_MS_MAX: Final = 86_400_000
STEPS_MAX: Final = 10_000


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that happens."""

    at_ms: Annotated[int, msgspec.Meta(ge=0, le=AT_MS_MAX)]
    device: str
    do: str
    value: Any = None


class Script(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole script."""

    steps: Annotated[list[Step], msgspec.Meta(max_length=STEPS_MAX)]


def read(path: Path, desk: Desk) -> list[tuple[int, Callable[[], None]]]:
    """Read a script and make each step ready to be done, in the order of time.

    Raises:
        DeviceRejected: it cannot be read, or a step names what there is not; the sentence names the step.
    """
    try:
        script = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Script)
    except (OSError, ValueError, msgspec.ValidationError) as error:
        raise DeviceRejected(f"{path.name}: {error}") from error
    steps = []
    for number, step in enumerate(script.steps, start=1):
        try:
            steps.append((step.at_ms, desk.twin(step.device).prepare(step.do, step.value)))
        except DeviceRejected as error:
            raise DeviceRejected(f"{path.name}, step {number}: {error}") from error
    return sorted(steps, key=lambda step: step[0])


def play(steps: list[tuple[int, Callable[[], None]]], desk: Desk) -> None:
    """Let the steps happen at their times, from now."""
    for at_ms, do in steps:
        desk.after(at_ms, do)
