"""What every command needs: settings, the way to the running hub, the answer and the exit code."""

import json
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from cloud import settings as hub_settings
from cloud import wiring
from cloud.db.engine import BadDatabase
from cloud.db.migrate import NewerDatabaseError
from cloud.settings import HubSettings
from sync.node import control, logs
from sync.node.certificates import BadCertificateError
from sync.node.control import EXIT_ALREADY_RUNNING, AlreadyRunning, FolderLock, NotRunning
from sync.node.database import UnsafeSqliteError
from sync.node.keys import KeyFileError
from sync.node.ports import SystemChance, SystemClock
from sync.node.settings import SettingsError

COMMAND_TIMEOUT_S = 600

config_option = click.option(
    "--config",
    "config",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The hub's settings file (TOML); see config/hub.example.toml.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Say the answer as one line of JSON.")


def read(config: Path) -> HubSettings:
    """Read the settings file, or end with 2."""
    try:
        return hub_settings.load(config)
    except SettingsError as error:
        fail(str(error), 2)


def ask(settings: HubSettings, request: dict[str, Any]) -> dict[str, Any]:
    """Ask the running hub, or do it here when none runs: alone, or on PostgreSQL beside parts without a web part."""
    try:
        return control.ask(settings.folder, request, COMMAND_TIMEOUT_S)
    except NotRunning:
        pass
    if not settings.folder.is_dir():
        fail(f"{settings.folder}: there is no hub; start one with `zhanggui-hub run` first", 2)
    logs.set_up(None, level="WARNING")
    try:
        lock = FolderLock(settings.folder, shared=settings.on_postgresql)
    except AlreadyRunning as error:
        fail(str(error), EXIT_ALREADY_RUNNING)
    try:
        core = wiring.open_core(settings, clock=SystemClock(), chance=SystemChance())
        try:
            return wiring.Commands(core).answer(request)
        finally:
            core.close()
    except (UnsafeSqliteError, NewerDatabaseError, BadDatabase, KeyFileError, BadCertificateError) as error:
        fail(str(error), 2)
    finally:
        lock.release()


def tell(answer: dict[str, Any], *, as_json: bool, text: str) -> NoReturn:
    """Say the answer, as JSON or as `text`, and end with 0 when it is good, else 1."""
    ok = bool(answer.get("ok"))
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False))
    elif ok or "error" not in answer:
        click.echo(text)
    else:
        click.echo(str(answer["error"]), err=True)
    sys.exit(0 if ok else 1)


def fail(message: str, status: int) -> NoReturn:
    """Say what went wrong and end."""
    click.echo(message, err=True)
    sys.exit(status)
