"""Two installed versions side by side, one of them current: switch to another, wait until it is healthy, else go back.

In the folder of the installation each version is a folder of its own with its programs in `bin/` (a virtual environment), and
`current` is a link to one of them; the unit starts `current/bin/…`. A switch replaces the link, which is one rename; `previous`
then leads to the version that was left.

What is tried stands in `trial.json` beside the link from before the switch until the verdict, so that a power cut between the
two does not leave an unproven version in place: `settle` goes on where it was, at boot or by hand.

Data: the node itself makes a copy of its file before a schema step (edge.services.copies.snapshots); going back needs no copy when the steps
are additive, and what was sold meanwhile stays.
"""

import json
import logging
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sync.node.ports import Clock

CURRENT, PREVIOUS = "current", "previous"
TRIAL = "trial.json"
_PAUSE_S = 0.2

log = logging.getLogger(__name__)


class UpgradeError(RuntimeError):
    """The switch cannot be made; nothing was changed."""


@dataclass(frozen=True)
class Answer:
    """What the health door said: the start that it speaks for, whether all is well, and what is not."""

    boot: str
    ok: bool
    detail: str = ""


class Machine(Protocol):
    """What an upgrade does to the machine."""

    def restart(self) -> None:
        """Start the service anew.

        Raises:
            UpgradeError: it cannot be restarted by this user or on this machine.
        """
        ...

    def health(self) -> Answer | None:
        """Ask the health door; None when nobody answers."""
        ...


@dataclass(frozen=True)
class Verdict:
    """How a switch ended: the version that is current now, and why it is not the wanted one."""

    ok: bool
    current: str
    reason: str = ""


@dataclass(frozen=True)
class Patience:
    """How long a version has to become healthy, and how long it must stay so with one and the same process."""

    healthy_within_s: float = 120.0
    steady_s: float = 5.0
    back_within_s: float = 300.0
    """How long the version before has when it comes back: it worked, so a slow machine is the likelier reason."""


class Installation:
    """The folder with the versions and the link to one of them."""

    def __init__(self, folder: Path, program: str, clock: Clock) -> None:
        """Name the folder, and the program that every version must have in `bin/`."""
        self._folder = folder
        self._program = program
        self._clock = clock
        self._pause = threading.Event()

    def current(self) -> Path:
        """Give the version that is current.

        Raises:
            UpgradeError: there is no link, or it leads nowhere.
        """
        link = self._folder / CURRENT
        if not link.is_symlink() or not link.is_dir():
            raise UpgradeError(f"{link} is no link to a version; install one and make the link, as the README says")
        return link.resolve()

    def switch(self, to: Path, machine: Machine, patience: Patience) -> Verdict:
        """Make another version current and keep it only when it is healthy.

        Raises:
            UpgradeError: it is no version, or another trial is open; nothing was changed.
        """
        old, new = self.current(), self._version(to)
        if (self._folder / TRIAL).exists():
            raise UpgradeError("an upgrade was broken off; end it first with `upgrade --settle`")
        if old == new:
            return Verdict(ok=True, current=str(old))
        before = machine.health()
        # The version that is left is the one that can be trusted to settle a trial that was broken off.
        self._link(PREVIOUS, old)
        self._note({"from": str(old), "to": str(new), "boot": "" if before is None else before.boot})
        self._link(CURRENT, new)
        log.info("upgrade.switched", extra={"from": str(old), "to": str(new)})
        return self._judge(machine, patience)

    def settle(self, machine: Machine, patience: Patience) -> Verdict:
        """Bring a trial that was broken off to its end; without one nothing is done."""
        if not (self._folder / TRIAL).exists():
            return Verdict(ok=True, current=str(self.current()))
        return self._judge(machine, patience)

    def _judge(self, machine: Machine, patience: Patience) -> Verdict:
        trial = self._trial()
        new, old = Path(trial["to"]), Path(trial["from"])
        self._link(CURRENT, new)
        reason = self._started(machine, patience, trial["boot"])
        if not reason:
            self._forget()
            return Verdict(ok=True, current=str(new))
        log.error("upgrade.back", extra={"from": str(new), "to": str(old), "reason": reason})
        self._link(CURRENT, old)
        seen = machine.health()
        back = Patience(patience.back_within_s, patience.steady_s)
        again = self._started(machine, back, "" if seen is None else seen.boot)
        if again:
            # The note stays: whoever comes next sees that this is not settled.
            return Verdict(
                ok=False, current=str(old), reason=f"{new.name}: {reason}; and {old.name}, back again: {again}"
            )
        self._forget()
        return Verdict(ok=False, current=str(old), reason=f"{new.name}: {reason}")

    def _started(self, machine: Machine, patience: Patience, boot_before: str) -> str:
        """Restart and wait; empty when a new process became and stayed healthy, else why not."""
        try:
            machine.restart()
        except UpgradeError as error:
            return str(error)
        end_ms = self._clock.monotonic_ms() + int(patience.healthy_within_s * 1000)
        steady: Answer | None = None
        since_ms = 0
        seen = "it does not answer"
        while (now_ms := self._clock.monotonic_ms()) < end_ms:
            answer = machine.health()
            if answer is None or not answer.ok or answer.boot == boot_before:
                steady = None
                if answer is not None and answer.boot != boot_before:
                    seen = f"not healthy: {answer.detail}"
            elif steady is None or steady.boot != answer.boot:
                seen = "it does not stay up" if steady is not None else seen
                # Counted from the answer: the question may have waited at the held port until somebody came to take it.
                steady, since_ms = answer, self._clock.monotonic_ms()
            elif now_ms - since_ms >= patience.steady_s * 1000:
                return ""
            self._pause.wait(_PAUSE_S)
        return f"{seen} (waited {patience.healthy_within_s:.0f} s)"

    def _version(self, to: Path) -> Path:
        version = to.resolve()
        program = version / "bin" / self._program
        if not os.access(program, os.X_OK):
            raise UpgradeError(f"{to} holds no version: there is no program {program}")
        return version

    def _trial(self) -> dict[str, str]:
        told: dict[str, str] = json.loads((self._folder / TRIAL).read_text(encoding="utf-8"))
        return told

    def _note(self, trial: dict[str, str]) -> None:
        path = self._folder / f"{TRIAL}.new"
        with path.open("w", encoding="utf-8") as out:
            json.dump(trial, out)
            out.flush()
            os.fsync(out.fileno())
        path.replace(self._folder / TRIAL)
        _sync_folder(self._folder)

    def _forget(self) -> None:
        (self._folder / TRIAL).unlink(missing_ok=True)
        _sync_folder(self._folder)

    def _link(self, name: str, version: Path) -> None:
        if (self._folder / name).resolve() == version:
            return
        # A link cannot be changed, but a rename over it is one step: at no moment is there none.
        fresh = self._folder / f"{name}.new"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(os.path.relpath(version, self._folder) if version.is_relative_to(self._folder) else version)
        fresh.replace(self._folder / name)
        _sync_folder(self._folder)


def read_answer(told: Any) -> Answer | None:  # noqa: ANN401 - what came off the wire
    """Read what the health door sent; None when it is something else."""
    if not isinstance(told, dict) or not isinstance(told.get("boot"), str) or not isinstance(told.get("ok"), bool):
        return None
    checks = told.get("checks")
    bad = [str(name) for name, well in checks.items() if not well] if isinstance(checks, dict) else []
    return Answer(told["boot"], told["ok"], f"no answer from {', '.join(bad)}" if bad else "")


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
