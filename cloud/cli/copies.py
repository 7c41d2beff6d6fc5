"""`backup`, `restore`, `drill`: copies of the hub's data."""

from datetime import datetime
from pathlib import Path

import click

from cloud.cli.shared import ask, config_option, fail, json_option, read, tell
from cloud.db.engine import BadDatabase
from cloud.db.migrate import NewerDatabaseError
from cloud.services import restore, secrets
from sync.node import logs
from sync.node.control import EXIT_ALREADY_RUNNING, AlreadyRunning, FolderLock
from sync.node.database import UnsafeSqliteError
from sync.node.keys import KeyFileError
from sync.node.ports import SystemChance, SystemClock
from sync.node.snapshots import SnapshotError


@click.command("backup")
@config_option
@click.option("--to", "to", type=click.Path(path_type=Path, file_okay=False), help="Another folder than the settings'.")
@json_option
def make_backup(config: Path, to: Path | None, *, as_json: bool) -> None:
    """Write what is new since the last backup, and the state of now; the hub does it by itself every few minutes."""
    answer = ask(read(config), {"command": "backup", "folder": "" if to is None else str(to.resolve())})
    said = f"{answer.get('facts')} new facts, {answer.get('size')} bytes, in {answer.get('folder')}"
    tell(answer, as_json=as_json, text=said)


@click.command("restore")
@config_option
@click.option("--from", "source", type=click.Path(path_type=Path, file_okay=False, exists=True), required=True)
@click.option("--at", "at", help="Back to this local time, as 2026-11-22T18:45; without it to the newest backup.")
@json_option
def restore_backup(config: Path, source: Path, at: str | None, *, as_json: bool) -> None:
    """Put a backup in the place of a stopped hub's database; the stores send again what came after it."""
    settings = read(config)
    try:
        moment = None if at is None else datetime.fromisoformat(at)
    except ValueError:
        raise click.UsageError(f"--at {at}: write it like 2026-11-22T18:45") from None
    if moment is not None and moment.tzinfo is None:
        moment = moment.replace(tzinfo=settings.zone)
    logs.set_up(None, level="WARNING")
    try:
        lock = FolderLock(settings.folder)
    except AlreadyRunning as error:
        fail(str(error), EXIT_ALREADY_RUNNING)
    try:
        identity = secrets.kept_identity(settings.folder)
        at_ms = None if moment is None else int(moment.timestamp() * 1_000)
        done = restore.restore(settings, identity, source.resolve(), at_ms, (SystemClock(), SystemChance()))
    except KeyFileError as error:
        fail(str(error), 2)
    except (SnapshotError, UnsafeSqliteError, NewerDatabaseError, BadDatabase) as error:
        tell({"ok": False, "error": str(error)}, as_json=as_json, text="")
    finally:
        lock.release()
    told = {"ok": True, "made_ms": done.made_ms, "facts": done.facts, "took_ms": done.took_ms}
    tell(
        told,
        as_json=as_json,
        text=f"{done.facts} facts are back, in {done.took_ms / 1_000:.1f} s. Start the hub again.",
    )


@click.command("drill")
@config_option
@click.option(
    "--from", "source", type=click.Path(path_type=Path, file_okay=False), help="Another folder than the settings'."
)
@json_option
def hold_drill(config: Path, source: Path | None, *, as_json: bool) -> None:
    """Restore the newest backup to a scratch database and hold it against the live one; exit 1 when it does not come back."""
    answer = ask(read(config), {"command": "drill", "folder": "" if source is None else str(source.resolve())})
    lines = [f"{'holds ' if one['ok'] else 'FAILS '} {one['name']}: {one['seen']}" for one in answer.get("checks", [])]
    lines.append(f"RTO {answer.get('rto_ms', 0) / 1_000:.1f} s, RPO {answer.get('rpo_ms', 0) / 1_000:.1f} s")
    tell(answer, as_json=as_json, text="\n".join(lines))
