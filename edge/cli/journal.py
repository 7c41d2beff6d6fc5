"""`verify`: proof that the journal is what was sold."""

import json
import sys
from pathlib import Path

import click

from edge.cli import shared
from edge.services.care import verify_journal
from edge.services.copies import boot_check
from edge.services.copies.boot_check import DamagedFileError
from edge.settings import EdgeSettings
from sync.node.control import AlreadyRunning, FolderLock


@click.command()
@shared.config
@click.option("--json", "as_json", is_flag=True, help="Print the report as one line of JSON.")
def verify(config: Path, as_json: bool) -> None:
    """Prove chain, totals and projections; asks the running node, or opens the files of a stopped one."""
    settings = shared.read(config)
    folder = Path(settings.data_dir)
    if not (folder / "node.db").exists():
        shared.fail(f"{folder} holds no node; run the node first", 2)
    try:
        lock = FolderLock(folder)
    except AlreadyRunning:
        report = shared.asked(folder, {"command": "verify"})
    else:
        try:
            report = _verified_here(settings)
        finally:
            lock.release()
    if "error" in report and not as_json:
        shared.fail(str(report["error"]), 1)
    click.echo(json.dumps(report) if as_json else _as_text(report))
    sys.exit(0 if report["ok"] else 1)


def _verified_here(settings: EdgeSettings) -> dict[str, object]:
    node, db = shared.opened(settings)
    try:
        with boot_check.as_damage(Path(settings.data_dir) / "node.db"):
            return verify_journal.verify(node).as_json()
    except DamagedFileError as error:
        shared.fail(str(error), 2)
    finally:
        db.close()


def _as_text(report: dict[str, object]) -> str:
    lines = [f"facts: {report['facts']}", f"lanes: {report['lanes']}"]
    projections = report["projections"]
    assert isinstance(projections, dict)
    lines += [f"{'same   ' if same else 'DIFFERS'} {table}" for table, same in projections.items()]
    findings = report["findings"]
    assert isinstance(findings, list)
    lines += [f"lane {one['lane']} seq {one['seq']}: {one['what']}" for one in findings]
    return "\n".join([*lines, "Everything holds." if report["ok"] else "The journal does not hold."])
