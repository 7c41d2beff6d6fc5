"""What the commands `zhanggui-hub backup` and `drill` do, in the running process or on the files."""

from pathlib import Path
from typing import Any

import msgspec

from cloud.services import restore
from cloud.services.accounts import CLI
from cloud.services.backup import Backups
from sync.node.snapshots import SnapshotError

DRILL_EVERY_MS = 28 * 86_400_000


def answer(made: Backups, request: dict[str, object]) -> dict[str, Any]:
    """Carry out one command."""
    folder = request.get("folder")
    where = Path(folder) if isinstance(folder, str) and folder else None
    try:
        if request.get("command") == "drill":
            return dict(msgspec.to_builtins(restore.drill(made, where)))
        row = made.make(where, by=CLI.actor)
    except SnapshotError as error:
        return {"ok": False, "error": str(error)}
    return {"ok": True, **msgspec.to_builtins(row)}
