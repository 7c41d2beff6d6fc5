"""`zhanggui-hub`: run the hub, enrol stores, prove and rebuild its data, put the browser scripts in place.

Exit codes: 0 done; 1 the answer is no (damage was found, a store cannot be made); 2 wrong use or unreadable input;
75 another process runs on the data folder.
"""

import json
import signal
import sys
import threading
from pathlib import Path
from typing import Any, NoReturn

import click

from cloud import settings as hub_settings
from cloud import wiring
from cloud.db.migrate import NewerDatabaseError
from cloud.services import assets as browser_scripts
from cloud.services import secrets
from cloud.services.assets import AssetError
from cloud.settings import HubSettings
from sync.node import control, logs, memory
from sync.node.control import EXIT_ALREADY_RUNNING, AlreadyRunning, FolderLock, NotRunning
from sync.node.database import UnsafeSqliteError
from sync.node.ports import SystemChance, SystemClock
from sync.node.settings import SettingsError

COMMAND_TIMEOUT_S = 600
ROOT = Path(__file__).resolve().parent.parent

_config = click.option(
    "--config",
    "config",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The hub's settings file (TOML); see config/hub.example.toml.",
)
_json = click.option("--json", "as_json", is_flag=True, help="Say the answer as one line of JSON.")


@click.group()
def main() -> None:
    """Run and look after the hub."""


@main.command()
@_config
def run(config: Path) -> None:
    """Take in facts, serve the console and the guest's page, until SIGTERM or Ctrl-C."""
    settings = _read(config)
    memory.give_back_large_blocks()
    logs.set_up(settings.folder, level=settings.log_level)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    password_file = settings.folder / secrets.CONSOLE_PASSWORD_FILE
    first_start = not password_file.exists()
    try:
        running = wiring.start(settings)
    except AlreadyRunning as error:
        _fail(str(error), EXIT_ALREADY_RUNNING)
    except (UnsafeSqliteError, NewerDatabaseError) as error:
        _fail(str(error), 2)
    except OSError as error:
        _fail(f"the hub could not start: {error}", 2)
    if first_start:
        # The file alone holds it: what goes to stderr ends up in somebody's log.
        click.echo(f"The console password was made; it is in {password_file}.", err=True)
    ready = {
        "ready": True,
        "url": f"http://{settings.web.host}:{running.web_port}/",
        "guest_url": f"http://{settings.guest.host}:{running.guest_port}/",
        "web_port": running.web_port,
        "guest_port": running.guest_port,
    }
    click.echo(json.dumps(ready))
    stopping.wait()
    running.stop()


@main.command("enrol-store")
@click.argument("store")
@_config
@click.option("--name-zh", help="The store's Chinese name; needed for a new store.")
@click.option("--name-en", help="The store's English name; needed for a new store.")
@_json
def enrol_store(store: str, config: Path, name_zh: str | None, name_en: str | None, *, as_json: bool) -> None:
    """Make a one-time code with which a node becomes STORE's; it lives 24 hours."""
    if (name_zh is None) != (name_en is None):
        raise click.UsageError("give the name in both languages, or in neither")
    request = {"command": "enrol-store", "store": store, "name_zh": name_zh, "name_en": name_en}
    answer = _ask(_read(config), request)
    _tell(answer, as_json=as_json, text=f"{answer.get('code')}")


@main.command("revoke-key")
@click.argument("store")
@click.option("--epoch", type=click.IntRange(min=1), required=True, help="Which node of the store: its epoch.")
@_config
@_json
def revoke_key(store: str, epoch: int, config: Path, *, as_json: bool) -> None:
    """Let the key of a stolen or lost node count no longer; what it sends from now on is quarantined."""
    answer = _ask(_read(config), {"command": "revoke", "store": store, "epoch": epoch})
    _tell(answer, as_json=as_json, text=f"the key of {store}, epoch {epoch}, counts no longer")


@main.command()
@_config
@_json
def verify(config: Path, *, as_json: bool) -> None:
    """Hash every chain again, rebuild every read model, and compare."""
    answer = _ask(_read(config), {"command": "verify"})
    lines = [f"{answer.get('facts')} facts in {len(answer.get('lanes', {}))} lanes"]
    lines += [f"{found['seq']}: {found['what']}" for found in answer.get("findings", [])]
    lines += [f"{name}: {'as rebuilt' if same else 'DIFFERS'}" for name, same in answer.get("projections", {}).items()]
    _tell(answer, as_json=as_json, text="\n".join(lines))


@main.command()
@_config
@_json
def replay(config: Path, *, as_json: bool) -> None:
    """Rebuild every read model from the facts."""
    answer = _ask(_read(config), {"command": "replay"})
    _tell(answer, as_json=as_json, text=f"{answer.get('facts')} facts read")


@main.command()
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
@_json
def assets(wheels: Path | None, lock: Path, *, as_json: bool) -> None:
    """Put the pinned browser scripts of the console in place. The pages work without them, with less comfort."""
    try:
        wanted = browser_scripts.missing(ROOT, browser_scripts.read_lock(lock))
        if wheels is not None:
            browser_scripts.place(ROOT, wanted, wheels)
            wanted = browser_scripts.missing(ROOT, wanted)
    except AssetError as error:
        _tell({"ok": False, "error": str(error)}, as_json=as_json, text="")
    missing = [asset.target for asset in wanted]
    if not missing:
        _tell({"ok": True, "missing": []}, as_json=as_json, text="every browser script is in place")
    error_text = f"not in place: {', '.join(missing)}; name a folder of wheels with --wheels"
    _tell({"ok": False, "missing": missing, "error": error_text}, as_json=as_json, text="")


def _read(config: Path) -> HubSettings:
    try:
        return hub_settings.load(config)
    except SettingsError as error:
        _fail(str(error), 2)


def _ask(settings: HubSettings, request: dict[str, Any]) -> dict[str, Any]:
    """Ask the running hub, or do it on the files under their lock when none runs."""
    try:
        return control.ask(settings.folder, request, COMMAND_TIMEOUT_S)
    except NotRunning:
        pass
    if not settings.folder.is_dir():
        _fail(f"{settings.folder}: there is no hub; start one with `zhanggui-hub run` first", 2)
    logs.set_up(None, level="WARNING")
    try:
        lock = FolderLock(settings.folder)
    except AlreadyRunning as error:
        _fail(str(error), EXIT_ALREADY_RUNNING)
    try:
        core = wiring.open_core(settings, clock=SystemClock(), chance=SystemChance())
        try:
            return wiring.Commands(core).answer(request)
        finally:
            core.database.close()
    except (UnsafeSqliteError, NewerDatabaseError) as error:
        _fail(str(error), 2)
    finally:
        lock.release()


def _tell(answer: dict[str, Any], *, as_json: bool, text: str) -> NoReturn:
    ok = bool(answer.get("ok"))
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False))
    elif ok or "error" not in answer:
        click.echo(text)
    else:
        click.echo(str(answer["error"]), err=True)
    sys.exit(0 if ok else 1)


def _fail(message: str, status: int) -> NoReturn:
    click.echo(message, err=True)
    sys.exit(status)
