"""What a node that is not yet itself again knows of it: a file beside the database, written before anything is touched.

While the file stands the node has no epoch of its own: it serves its pages, and it sells nothing (DESIGN §4).
"""

import os
from pathlib import Path

import msgspec

from sync.node import keys

FILE = "recovery.json"
REPLACING = "replacing"
"""It is being brought back from the hub."""
RESTORED = "restored"
"""Its file came from a copy: what was sold since the copy is missing, and its epoch is used up."""


class Recovery(msgspec.Struct, frozen=True, kw_only=True):
    """Why the node sells nothing. `epoch` is the one that it had before (0 = none), `hub_url` where it asks."""

    state: str
    epoch: int = 0
    hub_url: str = ""


def load(folder: Path) -> Recovery | None:
    """Read why a node is not itself yet; None when it is."""
    path = folder / FILE
    return msgspec.json.decode(path.read_bytes(), type=Recovery) if path.exists() else None


def note(folder: Path, recovery: Recovery) -> None:
    """Keep it, durably."""
    keys.write_secret(folder / FILE, msgspec.json.encode(recovery))


def clear(folder: Path) -> None:
    """The node is itself again, durably."""
    (folder / FILE).unlink(missing_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class RecoveryError(RuntimeError):
    """The command does not fit what the node is; the message says which one does."""


def begin(folder: Path, held_epoch: int, hub_url: str) -> bool:
    """Note that the node is about to be brought back from the hub.

    Args:
        folder: the node's.
        held_epoch: the epoch of the grant that lies there; 0 = none.
        hub_url: where it asks.

    Returns:
        Whether the new epoch is granted already: an earlier call got that far, and only the facts are missing.
    """
    before = load(folder)
    epoch = held_epoch if before is None else before.epoch
    folder.mkdir(parents=True, exist_ok=True)
    note(folder, Recovery(state=REPLACING if before is None else before.state, epoch=epoch, hub_url=hub_url))
    return held_epoch > epoch


def refuse_plain_enrolment(folder: Path) -> None:
    """Refuse to enrol without bringing the facts back, where there are facts to bring back.

    Raises:
        RecoveryError: with the right command.
    """
    if load(folder) is not None:
        raise RecoveryError("this node was restored, or is being brought back: give `enrol` with --replace")
