"""`restore`, `drill`, `upgrade`: the copies of the node's file, and the versions that run on it."""

import json
import sys
from pathlib import Path

import click

from edge.cli import shared
from edge.services.care import care_text
from edge.services.care import upgrade as upgrade_here
from edge.services.copies import drill
from edge.services.copies import restore as restoring
from sync.node import upgrade as upgrades
from sync.node.control import EXIT_ALREADY_RUNNING, AlreadyRunning, FolderLock
from sync.node.ports import SystemClock
from sync.node.snapshots import SnapshotError


@click.command("restore")
@shared.config
@click.option("--from", "source", default=restoring.NEWEST, show_default=True, help="A copy, or `newest`.")
@click.option("--json", "as_json", is_flag=True, help="Print what was restored as one line of JSON.")
def restore_copy(config: Path, source: str, as_json: bool) -> None:
    """Put a copy in the place of a stopped node's file; then `enrol --replace` brings what came after it from the hub."""
    settings = shared.read(config)
    folder = Path(settings.data_dir)
    try:
        lock = FolderLock(folder)
    except AlreadyRunning as error:
        shared.fail(str(error), EXIT_ALREADY_RUNNING)
    try:
        done = restoring.restore(shared.shelf(settings), source)
    except SnapshotError as error:
        shared.fail(str(error), 1)
    finally:
        lock.release()
    told = {"ok": True, "from": str(done.source), "made_ms": done.made_ms, "facts": done.facts, "aside": done.aside}
    kept = f" What was there is kept as {done.aside}." if done.aside else ""
    said = f"{done.facts} facts are back from {done.source}.{kept} Now give `zhanggui-edge enrol --replace`."
    click.echo(json.dumps(told) if as_json else said)


@click.command("drill")
@shared.config
@click.option("--fresh", is_flag=True, help="Make a new copy first.")
@click.option("--json", "as_json", is_flag=True, help="Print the signed record as one line of JSON.")
def hold_drill(config: Path, fresh: bool, as_json: bool) -> None:
    """Restore the newest copy to a scratch file and hold it against the live one; exit 1 when something does not come back."""
    settings = shared.read(config)
    folder = Path(settings.data_dir)
    if not (folder / "node.db").exists():
        shared.fail(f"{folder} holds no node; run the node first", 2)
    try:
        lock = FolderLock(folder)
    except AlreadyRunning:
        told = shared.asked(folder, {"command": "drill", "fresh": fresh})
    else:
        try:
            node, db = shared.opened(settings)
            try:
                told = drill.answer(node, shared.shelf(settings), fresh=fresh)
            finally:
                db.close()
        finally:
            lock.release()
    click.echo(json.dumps(told, ensure_ascii=False) if as_json else care_text.of_drill(told))
    sys.exit(0 if told["ok"] else 1)


@click.command()
@shared.config
@click.option(
    "--to", "to", type=click.Path(path_type=Path, file_okay=False), help="The folder of the version to run from now on."
)
@click.option("--settle", is_flag=True, help="End an upgrade that was broken off, by a power cut for instance.")
@click.option(
    "--installation",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    required=True,
    help="The folder of the versions and of the link `current`.",
)
@click.option("--unit", default=upgrade_here.UNIT, show_default=True, help="The systemd unit that runs the node.")
@click.option(
    "--wait",
    "wait_s",
    type=click.FloatRange(min=1),
    default=120.0,
    show_default=True,
    help="Seconds to become healthy.",
)
@click.option(
    "--steady", "steady_s", type=click.FloatRange(min=0), default=5.0, show_default=True, help="Seconds to stay so."
)
@click.option("--json", "as_json", is_flag=True, help="Print the answer as one line of JSON.")
def upgrade(
    config: Path,
    to: Path | None,
    settle: bool,
    installation: Path,
    unit: str,
    wait_s: float,
    steady_s: float,
    as_json: bool,
) -> None:
    """Switch to another installed version, and back by itself when that does not become healthy; what is sold meanwhile stays."""
    if (to is None) != settle:
        raise click.UsageError("give --to FOLDER, or --settle")
    settings = shared.read(config)
    place = upgrades.Installation(installation, upgrade_here.PROGRAM, SystemClock())
    machine, patience = upgrade_here.ThisMachine(settings, unit), upgrades.Patience(wait_s, steady_s)
    try:
        verdict = place.settle(machine, patience) if to is None else place.switch(to, machine, patience)
    except upgrades.UpgradeError as error:
        shared.fail(str(error), 2)
    told = {"ok": verdict.ok, "current": verdict.current, "reason": verdict.reason}
    text = f"{verdict.current} runs." if verdict.ok else f"{verdict.reason}. {verdict.current} is current."
    click.echo(json.dumps(told, ensure_ascii=False) if as_json else text)
    sys.exit(0 if verdict.ok else 1)
