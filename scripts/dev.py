#!/usr/bin/env python3
"""The one task runner: makes the environment from hash-locked wheels and runs a command of the project inside it.

Standard library only, because it runs before anything is installed. Progress goes to stderr; stdout belongs to the
command. `ZHANGGUI_VENV` names another folder for the environment than `.venv`.
"""

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

STARTED_EPOCH_S = time.time()  # noqa: TID251 - the demo reports the seconds from here to the till page
ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "config" / "locks"
STAMP = "zhanggui-setup.json"
WIDER = {"demo": ("demo", "dev"), "dev": ("dev",)}
"""Which installed locks satisfy a wanted one: every lock is made under the constraints of `dev`, so dev holds demo."""


@dataclass(frozen=True)
class Command:
    """One subcommand: the lock it needs, the module it runs, and the sentence that `--help` shows."""

    lock: str
    module: str
    help: str
    usage: str = ""
    names: tuple[str, ...] = ()
    assets: bool = False


COMMANDS = {
    "demo": Command(
        lock="demo",
        module="scripts.demo",
        help="broker, hub and two stores with virtual printers on this machine",
        usage="[--check] [--json] [--sales N] [--orders FILE] [--broker embedded|mosquitto] [--seed S] [--break ...]",
        assets=True,
    ),
    "test": Command(
        lock="dev",
        module="scripts.run_tests",
        help="lint, types, import contracts and every ring of tests",
        usage="[--ci] [--deep] [--ring NAME]",
        assets=True,
    ),
    "sim": Command(
        lock="demo",
        module="scripts.sim_{name}",
        help="a seeded world without a network",
        usage="sync|value [--seeds N] [--replay S] [--mutants] [--json] | printer [--jobs N] [--seed S] [--no-marking] [--json]",
        names=("sync", "value", "printer"),
    ),
    "chaos": Command(
        lock="dev",
        module="scripts.chaos_{name}",
        help="real processes killed at random with kill -9, and every confirmed sale looked for afterwards",
        usage="sync [--kills N] [--db sqlite|postgresql] [--seed S] [--json] | till [--kills N] [--browser-kills N] [--seed S] [--json]",
        names=("sync", "till"),
        assets=True,
    ),
    "offline": Command(
        lock="dev",
        module="scripts.offline_drive",
        help="every function of the register at a store whose uplink was cut, judged at the counter",
        usage="[--hours N] [--online] [--only ID] [--json]",
        assets=True,
    ),
    "crash": Command(
        lock="dev",
        module="scripts.crash",
        help="power cuts at random points of a node's life, or the hub's: all that was confirmed is there once",
        usage="[--hub] [--points N] [--sync full|normal] [--seed S] [--json]",
    ),
    "fuzz": Command(
        lock="dev",
        module="scripts.fuzz_{name}",
        help="damaged and hostile messages and requests by the thousand: nothing is applied, nothing fails",
        usage="wire [--n N] [--seed S] [--json] | http [--n N] [--deep] [--json]",
        names=("wire", "http"),
    ),
    "bench": Command(
        lock="dev",
        module="scripts.bench_{name}",
        help="a measurement, as ratios of one run",
        usage="till [--terminals 1,2,4,8] [--past N] [--members N] [--json] | devices [--json] | sync [--db sqlite|postgresql] [--json] |"
        " restore [--facts N] [--db sqlite|postgresql] [--json] | screen [--sales N] [--slowed N] [--json] |"
        " members [--members N] [--at-node N] [--entries N] [--sales N] [--json]",
        names=("till", "devices", "sync", "restore", "screen", "members"),
        assets=True,
    ),
    "hw": Command(
        lock="demo",
        module="scripts.hw",
        help="try the real devices of this machine; never part of the tests",
        usage="[--json] [--printer|--scanner|--card|--scale|--display ADDRESS]",
    ),
    "golden": Command(
        lock="dev",
        module="tests.golden.accept",
        help="show golden receipts old and new; accept when asked",
        usage="[--accept]",
    ),
    "pictures": Command(
        lock="dev",
        module="scripts.pictures",
        help="make the README's pictures from the running product",
        assets=True,
    ),
    "assets": Command(
        lock="demo",
        module="scripts.assets",
        help="copy the pinned browser scripts into the static folders",
    ),
    "lock": Command(
        lock="dev",
        module="scripts.lock",
        help="make config/locks/*.txt from the .in files",
        usage="[--upgrade] [--check]",
    ),
}


class SetupError(Exception):
    """The environment could not be made; the text says what to do."""


def venv_dir() -> Path:
    """The folder of the environment: `ZHANGGUI_VENV`, or `.venv` of this checkout."""
    return Path(os.environ.get("ZHANGGUI_VENV") or ROOT / ".venv").absolute()


def say(text: str) -> None:
    """One line of progress for a person."""
    print(text, file=sys.stderr, flush=True)


@contextlib.contextmanager
def step(text: str) -> Iterator[None]:
    """Show a step and, when it is done, its seconds."""
    say(f"setup: {text} ...")
    begun = time.monotonic()
    yield
    say(f"setup: {text}: {time.monotonic() - begun:.1f} s")


def run(arguments: list[str]) -> str:
    """Run a program quietly and return what it printed.

    Raises:
        SetupError: it failed; the text ends with the last lines it printed.
    """
    done = subprocess.run(
        arguments, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    output = done.stdout.decode(errors="replace")
    if done.returncode != 0:
        tail = "\n".join(output.splitlines()[-25:])
        raise SetupError(f"this failed with exit code {done.returncode}: {' '.join(arguments)}\n{tail}")
    return output


def digest(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_stamp(venv: Path) -> dict[str, str]:
    """What `set_up` last wrote about this environment, or nothing."""
    try:
        stamp = json.loads((venv / STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(key): str(value) for key, value in stamp.items()} if isinstance(stamp, dict) else {}


def stamp_for(lock: str) -> dict[str, str]:
    """What the stamp of a ready environment says: any difference means work to do."""
    return {
        "lock": lock,
        "lock_sha256": digest(LOCKS / f"{lock}.txt"),
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "root": str(ROOT),
        "project_sha256": digest(ROOT / "pyproject.toml"),
    }


def write_stamp(venv: Path, stamp: dict[str, str]) -> None:
    """Write the stamp whole or not at all."""
    draft = venv / f"{STAMP}.draft"
    draft.write_text(json.dumps(stamp, indent=1) + "\n", encoding="utf-8")
    draft.replace(venv / STAMP)


def make_venv(venv: Path) -> None:
    """Make an empty environment, in place of one that this program made before.

    Raises:
        SetupError: the folder is somebody else's, or Python lacks venv.
    """
    if venv.exists():
        if not (venv / STAMP).exists() and any(venv.iterdir()):
            raise SetupError(
                f"{venv} was not made by this program, so it is left alone: "
                "remove it, or name another folder in ZHANGGUI_VENV"
            )
        shutil.rmtree(venv)
    venv.mkdir(parents=True)
    write_stamp(venv, {"lock": "unfinished"})
    try:
        # Started with the environment's own Python, this makes the new one from the Python below it.
        base = getattr(sys, "_base_executable", "") or sys.executable
        run([base, "-m", "venv", str(venv)])
    except SetupError as error:
        raise SetupError(f"{error}\nOn Debian and Ubuntu: apt-get install python3-venv python3-pip") from error


def install_lock(python: Path, lock: str) -> str:
    """Install exactly the locked wheels; the answer is `cold` (mostly downloaded) or `warm` (mostly from pip's cache)."""
    arguments = [str(python), "-m", "pip", "install", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
    arguments += ["--no-compile", "--no-input", "--disable-pip-version-check", "--progress-bar", "off"]
    lines = [line.strip() for line in run([*arguments, "-r", str(LOCKS / f"{lock}.txt")]).splitlines()]
    downloaded = sum(line.startswith("Downloading ") for line in lines)
    cached = sum(line.startswith("Using cached ") for line in lines)
    return "cold" if downloaded > cached else "warm"


def install_project(python: Path) -> None:
    """Put this checkout itself into the environment, editable, with the build backend of the lock."""
    arguments = [str(python), "-m", "pip", "install", "--no-build-isolation", "--no-deps", "--no-index", "--quiet"]
    run([*arguments, "--disable-pip-version-check", "--editable", str(ROOT)])


def set_up(lock: str) -> str:
    """Make the environment hold a lock and this project; how: `none` (nothing to do), `warm` or `cold`."""
    venv = venv_dir()
    python = venv / "bin" / "python"
    have = read_stamp(venv)
    for satisfying in WIDER[lock]:
        wanted = stamp_for(satisfying)
        if have == wanted and python.exists():
            return "none"
    old_lock = have.get("lock", "")
    reusable = old_lock in WIDER and python.exists()
    if reusable:
        wanted = stamp_for(old_lock)
        reusable = all(have.get(key) == wanted[key] for key in ("lock_sha256", "python", "root"))
    cache = "none"
    if not reusable:
        with step(f"make {venv.name}"):
            make_venv(venv)
    if not (reusable and old_lock in WIDER[lock]):
        write_stamp(venv, {"lock": "unfinished"})
        with step(f"install the wheels of config/locks/{lock}.txt"):
            cache = install_lock(python, lock)
        old_lock = lock
    with step("install this checkout, editable"):
        install_project(python)
    write_stamp(venv, stamp_for(old_lock))
    return cache


def parse(arguments: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """The command and its kind; every other argument is the command's own."""
    parser = argparse.ArgumentParser(prog="dev.py", description=__doc__, allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        usage = f"dev.py {name} {command.usage}".strip()
        one = commands.add_parser(name, help=f"{command.help}: {command.usage or '(no options)'}", usage=usage)
        if command.names:
            one.add_argument("name", choices=command.names)
    chosen, rest = parser.parse_known_args(arguments)
    return chosen, rest


def main(arguments: list[str]) -> NoReturn:
    """Set up what the command needs, then become the command (so that Ctrl-C and the exit code are its own)."""
    chosen, rest = parse(arguments)
    command = COMMANDS[chosen.command]
    environment = dict(os.environ)
    try:
        # Two of these at once would write into one environment: the second waits at this file.
        with Path(__file__).open("rb") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            cache = set_up(command.lock)
            python = str(venv_dir() / "bin" / "python")
            if command.assets:
                run([python, str(ROOT / "scripts" / "assets.py")])
    except SetupError as error:
        sys.exit(f"setup: {error}")
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), environment.get("PYTHONPATH")]))
    environment["ZHANGGUI_SETUP_STARTED"] = f"{STARTED_EPOCH_S:.3f}"
    environment["ZHANGGUI_SETUP_CACHE"] = cache
    module = command.module.format(name=getattr(chosen, "name", ""))
    os.execve(python, [python, "-m", module, *rest], environment)


if __name__ == "__main__":
    if sys.version_info < (3, 11):  # noqa: UP036 - this file alone is started by whatever Python there is
        sys.exit("Python 3.11 or later is needed")
    main(sys.argv[1:])
