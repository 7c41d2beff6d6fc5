"""A PostgreSQL of its own for a test, a benchmark or a chaos run: made with initdb, on a UNIX socket only, ended by its own handle.

The server refuses to run as root, so it then runs as the system's `postgres`. Its text sorts by ICU, not by bytes, so
that nothing can lean on SQLite's order unnoticed.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import psycopg

OWNER = "zhanggui"
PACKAGE_FOLDER = Path("/usr/lib/postgresql")
START_LIMIT_S = 120.0
QUICK = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "autovacuum=off")
"""For tests that are not about durability; nothing writes but they."""
DURABLE = ("fsync=on", "full_page_writes=on", "synchronous_commit=on")


def program(name: str) -> str:
    """Find a program of PostgreSQL: on the path, or where Debian puts those of a server, newest first."""
    versions = sorted(PACKAGE_FOLDER.glob(f"*/bin/{name}"), key=lambda path: float(path.parent.parent.name))
    found = str(versions[-1]) if versions else shutil.which(name)
    if found is None:
        raise RuntimeError(f"{name} is missing: on Debian or Ubuntu apt-get install postgresql")
    return found


class Cluster:
    """One server through any number of lives, in a folder of its own under the temporary files.

    It never outlives the thread that started it, whatever becomes of that one (PR_SET_PDEATHSIG through `setpriv`).
    """

    def __init__(self, settings: tuple[str, ...] = QUICK) -> None:
        self.settings = settings
        # Not below pytest's own folder: the name of a socket may have no more than 107 bytes, and root owns that one.
        self.folder = Path(tempfile.mkdtemp(prefix="zhanggui-pg-"))
        self.data = self.folder / "data"
        self.log = self.folder / "server.log"
        self._account = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
        self._process: subprocess.Popen[str] | None = None
        self._reading: threading.Thread | None = None
        self._made = 0

    def __enter__(self) -> Self:
        if self._account is not None:
            os.chown(self.folder, self._account.pw_uid, self._account.pw_gid)
        try:
            self._run("initdb", "--pgdata", str(self.data), "--auth", "trust", "--username", OWNER, *_LOCALE)
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        shutil.rmtree(self.folder)

    @property
    def pid(self) -> int:
        """The server's first process."""
        assert self._process is not None
        return self._process.pid

    def url(self, name: str) -> str:
        """Give the SQLAlchemy URL of one of its databases."""
        return f"postgresql+psycopg://{OWNER}@/{name}?host={self.folder}"

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        assert self._process is None
        options = [f"--unix_socket_directories={self.folder}", "--listen_addresses=", "--max_connections=200"]
        options += [f"--{setting}" for setting in self.settings]
        self._process = subprocess.Popen(
            [*self._as_owner(), program("postgres"), "-D", str(self.data), *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.folder,
        )
        ready = threading.Event()
        assert self._process.stderr is not None
        self._reading = threading.Thread(target=self._read, args=(self._process.stderr, ready), daemon=True)
        self._reading.start()
        assert ready.wait(START_LIMIT_S), self.log.read_text()
        assert self._process.poll() is None, self.log.read_text()

    def stop(self) -> None:
        """End it in good order, with open connections cut."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End it at once, without writing anything more; the next start recovers from the log."""
        self._end(signal.SIGQUIT)

    def make_database(self, name: str | None = None, template: str = "template0") -> str:
        """Make a database, empty or a copy of another; give its name."""
        self._made += 1
        name = name or f"d{self._made}"
        self.execute("postgres", f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
        return name

    def drop_database(self, name: str) -> None:
        """Drop a database, with whoever is still connected to it."""
        self.execute("postgres", f'DROP DATABASE "{name}" WITH (FORCE)')

    def execute(self, database: str, statement: str) -> None:
        """Run a statement outside a transaction."""
        with psycopg.connect(host=str(self.folder), user=OWNER, dbname=database, autocommit=True) as connection:
            connection.execute(statement.encode())

    def _as_owner(self) -> list[str]:
        command = [_setpriv(), "--pdeathsig", "QUIT"]
        if self._account is not None:
            command += ["--reuid", str(self._account.pw_uid), "--regid", str(self._account.pw_gid), "--clear-groups"]
        return command

    def _run(self, name: str, *arguments: str) -> None:
        done = subprocess.run(
            [*self._as_owner(), program(name), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            cwd=self.folder,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def _read(self, lines: IO[str], ready: threading.Event) -> None:
        with lines, self.log.open("a", encoding="utf-8") as log:
            for line in lines:
                log.write(line)
                log.flush()
                if "database system is ready to accept connections" in line:
                    ready.set()
        ready.set()

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        process.wait(START_LIMIT_S)
        assert self._reading is not None
        self._reading.join(START_LIMIT_S)


_LOCALE = ("--no-sync", "--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US")


def _setpriv() -> str:
    found = shutil.which("setpriv")
    assert found is not None, "setpriv is missing: it is part of util-linux"
    return found
