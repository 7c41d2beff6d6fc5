"""`run` and `assets`: the hub as a process, and the files its pages need."""

import json
import signal
import threading
from pathlib import Path

import click

from cloud import wiring
from cloud.cli.shared import config_option, fail, json_option, read, tell
from cloud.db.engine import BadDatabase
from cloud.db.migrate import NewerDatabaseError
from cloud.services import assets as browser_scripts
from cloud.services import secrets
from cloud.services.assets import AssetError
from cloud.standby import Part
from sync.node import logs, memory, watchdog
from sync.node.certificates import BadCertificateError
from sync.node.control import EXIT_ALREADY_RUNNING, AlreadyRunning
from sync.node.database import UnsafeSqliteError
from sync.node.keys import KeyFileError

ROOT = Path(__file__).resolve().parent.parent.parent


@click.command()
@config_option
@click.option(
    "--part",
    type=click.Choice([part.value for part in Part]),
    default=Part.ALL.value,
    show_default=True,
    help="What this process does; any but all needs PostgreSQL. Of ingest and jobs there may be any number.",
)
def run(config: Path, part: str) -> None:
    """Take in facts, serve the console and the guest's page, until SIGTERM or Ctrl-C."""
    settings = read(config)
    memory.give_back_large_blocks()
    # Parts share a folder, and a log file has one writer: theirs is what the service manager makes of stderr.
    logs.set_up(settings.folder if part == Part.ALL else None, level=settings.log_level)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    password_file = settings.folder / secrets.CONSOLE_PASSWORD_FILE
    first_start = not password_file.exists()
    try:
        running = wiring.start(settings, part=Part(part))
    except AlreadyRunning as error:
        fail(str(error), EXIT_ALREADY_RUNNING)
    except (UnsafeSqliteError, NewerDatabaseError, BadDatabase, KeyFileError, BadCertificateError) as error:
        fail(str(error), 2)
    except OSError as error:
        fail(f"the hub could not start: {error}", 2)
    if first_start:
        # The file alone holds it: what goes to stderr ends up in somebody's log.
        click.echo(f"The console password was made; it is in {password_file}.", err=True)
    ready = {
        "ready": True,
        "url": f"{'https' if settings.web.tls else 'http'}://{settings.web.host}:{running.web_port}/",
        "guest_url": f"http://{settings.guest.host}:{running.guest_port}/",
        "web_port": running.web_port,
        "guest_port": running.guest_port,
    }
    if part != Part.ALL:
        ready["part"] = part
    click.echo(json.dumps(ready))
    stopping.wait()
    watchdog.stop_in_view(running.stop)


@click.command()
@click.option(
    "--wheels",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="A folder with the wheels of config/locks/assets.txt; without it only what is there is checked.",
)
@click.option(
    "--lock",
    type=click.Path(path_type=Path, dir_okay=False),
    default=ROOT / "config" / "assets.lock",
    show_default="config/assets.lock",
    help="The list of files and their hashes.",
)
@json_option
def assets(wheels: Path | None, lock: Path, *, as_json: bool) -> None:
    """Put the pinned browser scripts of the console in place. The pages work without them, with less comfort."""
    try:
        wanted = browser_scripts.missing(ROOT, browser_scripts.read_lock(lock))
        if wheels is not None:
            browser_scripts.place(ROOT, wanted, wheels)
            wanted = browser_scripts.missing(ROOT, wanted)
    except AssetError as error:
        tell({"ok": False, "error": str(error)}, as_json=as_json, text="")
    missing = [asset.target for asset in wanted]
    if not missing:
        tell({"ok": True, "missing": []}, as_json=as_json, text="every browser script is in place")
    error_text = f"not in place: {', '.join(missing)}; name a folder of wheels with --wheels"
    tell({"ok": False, "missing": missing, "error": error_text}, as_json=as_json, text="")
