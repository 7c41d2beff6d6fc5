"""`enrol`: this node becomes the store's node, in the place of another one if it must."""

import json
import threading
from pathlib import Path

import click

from edge import wiring
from edge.cli import shared
from edge.services.hub import enrolment, recovery
from edge.services.hub.enrolment import EnrolmentError
from edge.services.hub.handover_door import ReplaceError
from edge.services.hub.recovery import RecoveryError
from sync.node.control import EXIT_ALREADY_RUNNING, AlreadyRunning, FolderLock
from sync.node.ports import IdSource, SystemChance, SystemClock


@click.command()
@shared.config
@click.option("--hub", "hub_url", default="", help="Address of the hub's console, such as http://127.0.0.1:8700.")
@click.option("--store", default="", help="The store's id at the hub.")
@click.option("--code", default="", help="The one-time code that `zhanggui-hub enrol-store` printed.")
@click.option("--ca-fingerprint", default="", help="SHA-256 of the hub's CA, from the code sheet; for https.")
@click.option("--sheet", default="", help="What a scanner made of the code sheet; says all of the above.")
@click.option(
    "--replace", is_flag=True, help="Bring the store's facts back from the hub; give it again to go on after a stop."
)
@click.option("--json", "as_json", is_flag=True, help="Print the answer as one line of JSON.")
def enrol(
    config: Path, hub_url: str, store: str, code: str, ca_fingerprint: str, sheet: str, replace: bool, as_json: bool
) -> None:
    """Make this node the store's node; with --replace in the place of one that is gone, with everything it had sold."""
    settings = shared.read(config)
    folder = Path(settings.data_dir)
    if sheet:
        try:
            scanned = enrolment.read_sheet(sheet)
        except EnrolmentError as error:
            shared.fail(str(error), 2)
        hub_url, store, code, ca_fingerprint = scanned.hub, scanned.store, scanned.code, scanned.ca
    if not hub_url or not store:
        raise click.UsageError("give --hub and --store, or --sheet")
    try:
        lock = FolderLock(folder)
    except AlreadyRunning as error:
        shared.fail(str(error), EXIT_ALREADY_RUNNING)
    try:
        held, standing = enrolment.load(folder), recovery.load(folder)
        if not replace:
            recovery.refuse_plain_enrolment(folder)
        granted = held if replace and recovery.begin(folder, 0 if held is None else held.epoch, hub_url) else None
        if granted is None:
            try:
                node = _installation(folder) if held is None else held.node
                granted = enrolment.enrol(
                    folder,
                    hub_url,
                    store,
                    code,
                    node,
                    ca_fingerprint=ca_fingerprint,
                    on_waiting=_say_waiting,
                    pause=threading.Event().wait,
                )
            except EnrolmentError:
                if standing is None:
                    recovery.clear(folder)
                raise
        brought = wiring.bring_back(settings, hub_url, _say_how_far) if replace else None
    except (EnrolmentError, ReplaceError, RecoveryError, *shared.NOT_OPENED) as error:
        shared.fail(str(error), 1)
    finally:
        lock.release()
    told = {
        "ok": True,
        "store": granted.store,
        "epoch": granted.epoch,
        **({} if brought is None else {"facts": brought}),
    }
    click.echo(json.dumps(told) if as_json else f"Store {granted.store} runs here now, epoch {granted.epoch}.")


def _say_waiting(fingerprint: str, waited_s: int) -> None:
    if waited_s == 0:
        click.echo(
            "This store is live: a person at the hub has to approve. Compare these six groups with the hub's page "
            f"(or `zhanggui-hub approve`), then say yes there:\n\n    {fingerprint}\n",
            err=True,
        )
    elif waited_s % 60 == 0:
        click.echo(f"Still waiting for approval at the hub, {waited_s // 60} min: {fingerprint}", err=True)


def _say_how_far(stage: str, done: int, of: int) -> None:
    what = "facts" if stage == "facts" else "facts built into tables"
    click.echo(f"{done:,} of {of:,} {what}, {100 * done // max(of, 1)} %", err=True)


def _installation(folder: Path) -> str:
    """Name this installation once: asking again after a lost answer must be the same node asking."""
    path = folder / "node-id.txt"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(IdSource(SystemClock(), SystemChance()).uuid7().hex(), encoding="ascii")
    return path.read_text(encoding="ascii").strip()
