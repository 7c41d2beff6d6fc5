"""What the commands have in common: the settings file, how they end, how they ask a running node."""

import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from edge import settings as edge_settings
from edge import wiring
from edge.services.copies import boot_check, snapshots
from edge.services.copies.boot_check import DamagedFileError
from edge.services.hub import enrolment
from edge.services.node import Node
from edge.settings import EdgeSettings
from sync.node import control
from sync.node.control import EXIT_ALREADY_RUNNING, NotRunning
from sync.node.database import Database, UnsafeSqliteError
from sync.node.keys import KeyFileError
from sync.node.migrate import NewerDatabaseError
from sync.node.ports import SystemChance, SystemClock
from sync.node.settings import SettingsError
from sync.node.snapshots import SnapshotError

NOT_OPENED = (UnsafeSqliteError, NewerDatabaseError, SnapshotError, KeyFileError, DamagedFileError)
"""Why a folder is not opened; each says in its own sentence what is wrong and what to do."""

ANSWER_TIMEOUT_S = 600
"""A verify of a year takes minutes."""

config = click.option(
    "--config",
    "config",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The node's settings file (TOML); see config/edge.example.toml.",
)


def read(path: Path) -> EdgeSettings:
    """Read the settings, or end with what is wrong with them."""
    try:
        return edge_settings.load(path)
    except SettingsError as error:
        fail(str(error), 2)


def read_without(folder: Path) -> EdgeSettings:
    """Give the settings of a node without a file, or end with what is wrong with those of the environment."""
    try:
        return edge_settings.without_file(folder.resolve())
    except SettingsError as error:
        fail(str(error), 2)


def fail(message: str, status: int) -> NoReturn:
    """End with a sentence on the error output."""
    click.echo(message, err=True)
    sys.exit(status)


def opened(settings: EdgeSettings) -> tuple[Node, Database]:
    """Open a stopped node whose lock the caller holds, unless its file is damaged; the caller closes the database."""
    try:
        # Before anything is written to it.
        boot_check.refuse_unreadable(Path(settings.data_dir) / "node.db")
        return wiring.open_node(settings)
    except NOT_OPENED as error:
        fail(str(error), 2)


def shelf(settings: EdgeSettings) -> snapshots.Shelf:
    """Give the shelf of the copies, with the keys that lie in the folder."""
    try:
        identity = enrolment.own_identity(Path(settings.data_dir))
    except KeyFileError as error:
        fail(str(error), 2)
    return snapshots.shelf_of(settings, identity, SystemClock(), SystemChance())


def asked(folder: Path, request: dict[str, Any]) -> dict[str, object]:
    """Ask the running node."""
    try:
        return control.ask(folder, request, ANSWER_TIMEOUT_S)
    except NotRunning as error:
        fail(f"{error}; it may be starting or stopping, try again", EXIT_ALREADY_RUNNING)
