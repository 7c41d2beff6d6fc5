"""Importing any module of the four packages starts no thread or process and opens no socket and no database."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.checkout import ROOT, python_files

# Runs in a fresh interpreter. The audit hook sees what Python does; the file descriptors at the end, what C libraries do.
WATCHER = """
import importlib, json, os, sys, threading

EVENTS = ("socket.", "sqlite3.connect", "subprocess.Popen", "os.fork", "os.posix_spawn", "os.system", "os.exec",
          "http.client.", "urllib.Request")
current = ""
seen = {}

def watch(event, arguments):
    if event.startswith(EVENTS):
        seen.setdefault(current, []).append(event)

def opened():
    names = set()
    for number in os.listdir("/proc/self/fd"):
        try:
            names.add(os.readlink(f"/proc/self/fd/{number}"))
        except OSError:
            pass
    return names

def noting(start):
    def start_new_thread(*arguments, **named):
        seen.setdefault(current, []).append("thread")
        return start(*arguments, **named)
    return start_new_thread

sys.addaudithook(watch)
threading._start_new_thread = noting(threading._start_new_thread)
before = opened()
for current in json.load(sys.stdin):
    importlib.import_module(current)
    for name in opened() - before:
        seen.setdefault(current, []).append(f"left open: {name}")
    before |= opened()
print()
print(json.dumps(seen))
"""


def effects(modules: list[str], folder: Path) -> dict[str, list[str]]:
    """What importing the modules of a folder did, by module."""
    done = subprocess.run(
        [sys.executable, "-c", WATCHER],
        cwd=folder,
        input=json.dumps(modules),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert isinstance(found, dict)
    return found


def test_importing_the_product_starts_and_opens_nothing():
    files = [path.with_suffix("") for path in python_files() if path.name != "__main__.py"]
    modules = [".".join(path.parent.parts if path.name == "__init__" else path.parts) for path in files]
    modules = [module for module in modules if all(part.isidentifier() for part in module.split("."))]
    assert len(modules) > 10
    assert effects(modules, ROOT) == {}


@pytest.mark.parametrize(
    "line",
    [
        "import threading; threading.Thread(target=int).start()",
        "import socket; socket.socket()",
        "import sqlite3; sqlite3.connect(':memory:')",
        "import sqlcipher3; kept = sqlcipher3.connect('x.db')",
        "import subprocess; subprocess.run(['true'])",
        "kept = open('x.txt', 'w')",
    ],
)
def test_a_module_that_does_something_at_import_is_named(tmp_path, line):
    (tmp_path / "eager_one.py").write_text(line + "\n")
    assert list(effects(["eager_one"], tmp_path)) == ["eager_one"]
