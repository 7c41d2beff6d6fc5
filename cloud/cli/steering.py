"""`publish`, `points`, `command`, `config`: what stores are told."""

import base64
import json
from pathlib import Path

import click

from cloud.cli.shared import ask, config_option, json_option, read, tell
from sync.contract import steering
from sync.contract.sheets import FILE_BYTES_MAX

WHOLE_ARGUMENTS = ("number",)


@click.command()
@click.argument("what", type=click.Choice(["menu", "prices"]))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True), required=False)
@config_option
@click.option(
    "--effective-from", default="now", show_default=True, help="`now`, or the business day, such as 2026-12-01."
)
@click.option("--store", "stores", multiple=True, help="Only for this store; may be given several times.")
@click.option(
    "--version", "version", type=click.IntRange(min=1), help="Instead of a file: the content of this number again."
)
@click.option("--dry-run", is_flag=True, help="Show what would change, and write nothing.")
@click.option("--allow-big-changes", is_flag=True, help="A price may change by more than half.")
@click.option("--allow-free", is_flag=True, help="A dish of the menu may cost nothing.")
@json_option
def publish(
    what: str,
    file: Path | None,
    config: Path,
    effective_from: str,
    stores: tuple[str, ...],
    version: int | None,
    *,
    dry_run: bool,
    allow_big_changes: bool,
    allow_free: bool,
    as_json: bool,
) -> None:
    """Publish a menu or a price list to the stores: CSV or XLSX; a whole menu as JSON or TOML.

    A price list is whole: a dish that it does not name has the menu's own price. Undo: publish the number before again.
    """
    if (file is None) == (version is None):
        raise click.UsageError("name a file, or the number of an earlier publication with --version")
    content = b""
    if file is not None:
        if file.stat().st_size > FILE_BYTES_MAX:
            raise click.UsageError(f"{file} has more than {FILE_BYTES_MAX >> 20} MB; save the sheet alone")
        content = file.read_bytes()
    answer = ask(
        read(config),
        {
            "command": "publish",
            "what": what,
            "name": "" if file is None else file.name,
            "content": base64.b64encode(content).decode(),
            "version": version or 0,
            "effective_from": effective_from,
            "stores": list(stores),
            "dry_run": dry_run,
            "allow_big_changes": allow_big_changes,
            "allow_free": allow_free,
        },
    )
    text = str(answer.pop("text", ""))
    tell(answer, as_json=as_json, text=text)


@click.command("command")
@click.argument("store")
@click.argument("name", type=click.Choice(steering.COMMAND_NAMES))
@click.argument("args", nargs=-1, metavar="[KEY=VALUE]...")
@config_option
@click.option(
    "--minutes", type=click.IntRange(min=1), default=24 * 60, show_default=True, help="Not to be done after that."
)
@click.option("--epoch", type=click.IntRange(min=0), default=0, help="Only by the node of this epoch.")
@click.option("--day", default="", help="Only on this business day of the store.")
@click.option("--menu", type=click.IntRange(min=0), default=0, help="Only while this menu version is in force there.")
@json_option
def give(
    store: str,
    name: str,
    args: tuple[str, ...],
    config: Path,
    minutes: int,
    epoch: int,
    day: str,
    menu: int,
    *,
    as_json: bool,
) -> None:
    """Have STORE do something once; its result shows on the store's page when it has arrived."""
    found: dict[str, object] = {}
    for one in args:
        key, equals, value = one.partition("=")
        if not equals:
            raise click.UsageError(f"{one!r}: write arguments as KEY=VALUE")
        found[key] = int(value) if key in WHOLE_ARGUMENTS and value.isdecimal() else value
    request = {
        "command": "command",
        "store": store,
        "name": name,
        "args": found,
        "life_ms": minutes * 60_000,
        "precondition": {"epoch": epoch, "day": day, "menu": menu},
    }
    answer = ask(read(config), request)
    tell(
        answer,
        as_json=as_json,
        text=f"{name} waits for {store} under {answer.get('id')}; what {store} says to it: /versions/{store}",
    )


@click.command("config", context_settings={"ignore_unknown_options": True})
@click.argument("key")
@click.argument("value", required=False)
@config_option
@click.option("--store", default="", help="Only for this store.")
@click.option("--unset", is_flag=True, help="Take it away again: the store's own settings hold.")
@json_option
def set_config(key: str, value: str | None, config: Path, store: str, *, unset: bool, as_json: bool) -> None:
    """Set a setting of the stores from here; VALUE is JSON, such as 300 or [1000,2000]."""
    if (value is None) != unset:
        raise click.UsageError("give a value, or --unset")
    try:
        wanted = None if value is None else json.loads(value)
    except ValueError:
        if str(value).startswith("-"):
            raise click.UsageError(
                f"{value} is no option of `config`; a text that begins so is written '\"{value}\"'"
            ) from None
        wanted = value
    answer = ask(read(config), {"command": "config", "key": key, "value": wanted, "store": store})
    tell(answer, as_json=as_json, text=f"{answer.get('stream')}: {key} {'is taken away' if unset else f'= {value}'}")


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True), required=False)
@config_option
@click.option("--dry-run", is_flag=True, help="Show what would change, and write nothing.")
@json_option
def points(file: Path | None, config: Path, *, dry_run: bool, as_json: bool) -> None:
    """Show the rules of points in force, or publish those of FILE (TOML) to all stores.

    What the file does not name stays as it is: `welcome = 88` alone is a file. A bill counts by the rules that its store had when it was paid.
    """
    request: dict[str, object] = {"command": "points", "dry_run": dry_run}
    if file is not None:
        request["content"] = file.read_bytes().decode(errors="replace")
    answer = ask(read(config), request)
    tell(answer, as_json=as_json, text=_rules_text(answer, dry_run=dry_run))


def _rules_text(answer: dict[str, object], *, dry_run: bool) -> str:
    rules, found = answer.get("rules"), answer.get("changes")
    if isinstance(rules, dict):
        return "\n".join(f"{rule} = {json.dumps(value, ensure_ascii=False)}" for rule, value in rules.items())
    if not isinstance(found, list):
        return ""
    lines = [
        f"{one['rule']}: {json.dumps(one['was'], ensure_ascii=False)} → {json.dumps(one['now'], ensure_ascii=False)}"
        for one in found
    ]
    if not lines:
        return f"nothing changes; version {answer.get('version')} holds"
    return "\n".join(
        [*lines, "nothing was written" if dry_run else f"version {answer.get('version')} goes to all stores"]
    )
