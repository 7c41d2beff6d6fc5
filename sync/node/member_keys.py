"""The file of members' keys: apart from the database, so that no backup of it holds a key, and an erased member stays erased.

Each key lies wrapped under a key that comes from `keys.json`. Nothing of it goes into a fact, a stream or a log. The file has
no write-ahead log and overwrites what it deletes (`secure_delete`), so that a destroyed key is in none of its pages.
A second copy may be kept in another folder (`mirror`): it is written with the first, and what one of the two forgot the other
forgets as soon as both are there.

Several processes may share the file (hubs on one `data_dir`): nothing of it is kept in memory, each statement is a transaction of
SQLite, and a key that one of them destroyed is gone for all. The folder must be one whose file locks hold: a disk, not a share without
them.
"""

import contextlib
import hmac
import logging
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from sync.node import boxes, database
from sync.node.ports import Chance

FILE = "member-keys.db"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS member_keys (
    member_id TEXT PRIMARY KEY, key_id TEXT NOT NULL, box BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS forgotten (member_id TEXT PRIMARY KEY, at_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS secrets (name TEXT PRIMARY KEY, box BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS owed (member_id TEXT PRIMARY KEY, question_id BLOB NOT NULL) STRICT, WITHOUT ROWID;
"""

log = logging.getLogger(__name__)


class HeldKey(NamedTuple):
    """A member's key as it lies here."""

    member_id: str
    key_id: str
    key: bytes

    def __repr__(self) -> str:
        """Name it without showing it."""
        return f"HeldKey({self.key_id})"


class MemberKeys:
    """The keys of members. Any thread and process may call it; what returned is on the disk."""

    def __init__(self, path: Path | None, wrapping: bytes, chance: Chance, mirror: Path | None = None) -> None:
        """Open the file, made if there is none.

        Args:
            path: the file; None keeps everything in memory, for simulations.
            wrapping: 32 bytes from the key file.
            chance: gives nonces.
            mirror: a second file that is kept the same; it may be away for a time.
        """
        self._wrapping = wrapping
        self._chance = chance
        self._lock = threading.RLock()
        self._raw = _open(path)
        self._mirror_path = mirror
        self._mirror: Any = None
        with self._lock:
            self._meet_mirror()

    # ------------------------------------------------------------------------------------------------------- members

    def put(self, member_id: str, key_id: str, key: bytes) -> bool:
        """Keep a member's key.

        Returns:
            Whether this is the key that is held now: not if another one is, or if the member was forgotten.
        """
        with self._lock:
            held = self.get(member_id)
            if held is None:
                box = boxes.shut(self._wrapping, key, _place(member_id, key_id), self._chance)
                # One statement: another process may forget the member, or be given the key, at this very moment.
                self._write(
                    "INSERT OR IGNORE INTO member_keys SELECT ?, ?, ?"
                    " WHERE NOT EXISTS (SELECT 1 FROM forgotten WHERE member_id = ?)",
                    (member_id, key_id, box, member_id),
                )
                held = self.get(member_id)
            return held is not None and (held.key_id, held.key) == (key_id, key)

    def get(self, member_id: str) -> HeldKey | None:
        """Find a member's key.

        Raises:
            BoxError: the file belongs to another key file.
        """
        with self._lock:
            row = self._raw.execute("SELECT key_id, box FROM member_keys WHERE member_id = ?", (member_id,)).fetchone()
        if row is None:
            return None
        return HeldKey(member_id, row[0], boxes.unlock(self._wrapping, row[1], _place(member_id, row[0])))

    def forget(self, member_id: str, at_ms: int) -> None:
        """Destroy a member's key for good; no key of theirs is taken any more."""
        with self._lock, self._both() as run:
            run("INSERT OR IGNORE INTO forgotten VALUES (?, ?)", (member_id, at_ms))
            run("DELETE FROM member_keys WHERE member_id = ?", (member_id,))
            run("DELETE FROM owed WHERE member_id = ?", (member_id,))

    def drop(self, member_id: str) -> None:
        """Let go of a member's key here; it may come again (a node that has no more to do with the guest)."""
        with self._lock:
            self._write("DELETE FROM member_keys WHERE member_id = ?", (member_id,))

    def is_forgotten(self, member_id: str) -> bool:
        """Say whether a member's key was destroyed."""
        with self._lock:
            row = self._raw.execute("SELECT 1 FROM forgotten WHERE member_id = ?", (member_id,)).fetchone()
        return row is not None

    def forgotten(self) -> list[str]:
        """List the members whose keys were destroyed."""
        with self._lock:
            rows = self._raw.execute("SELECT member_id FROM forgotten ORDER BY member_id").fetchall()
        return [row[0] for row in rows]

    def held(self) -> list[str]:
        """List the members whose keys are here."""
        with self._lock:
            rows = self._raw.execute("SELECT member_id FROM member_keys ORDER BY member_id").fetchall()
        return [row[0] for row in rows]

    def missing(self, member_ids: Iterable[str]) -> list[str]:
        """List those of some members whose keys are neither here nor destroyed."""
        return [one for one in member_ids if self.get(one) is None and not self.is_forgotten(one)]

    # -------------------------------------------------------------------------------------- keys to be handed in, once

    def owe(self, member_id: str, question_id: bytes) -> None:
        """Note that the hub must be given a member's key, by a question of this id."""
        with self._lock:
            self._write("INSERT OR IGNORE INTO owed VALUES (?, ?)", (member_id, question_id))

    def owed(self, limit: int = 64) -> list[tuple[str, bytes]]:
        """List members whose keys the hub was not given yet, with the ids of the questions."""
        with self._lock:
            rows = self._raw.execute("SELECT member_id, question_id FROM owed LIMIT ?", (limit,)).fetchall()
        return [(row[0], row[1]) for row in rows]

    def settled(self, member_id: str) -> None:
        """Note that the hub has a member's key."""
        with self._lock:
            self._write("DELETE FROM owed WHERE member_id = ?", (member_id,))

    # ---------------------------------------------------------------------------------------------------- other secrets

    def secret(self, name: str) -> bytes | None:
        """Find a secret of another kind, such as the key of the index."""
        with self._lock:
            row = self._raw.execute("SELECT box FROM secrets WHERE name = ?", (name,)).fetchone()
        return None if row is None else boxes.unlock(self._wrapping, row[0], _place("", name))

    def put_secret(self, name: str, value: bytes) -> None:
        """Keep a secret of another kind."""
        box = boxes.shut(self._wrapping, value, _place("", name), self._chance)
        with self._lock:
            self._write("INSERT OR REPLACE INTO secrets VALUES (?, ?)", (name, box))

    # ------------------------------------------------------------------------------------------------------- the files

    def meet_mirror(self) -> bool:
        """Bring the two files together where the second was away; say whether it is there (or none is wanted)."""
        with self._lock:
            return self._meet_mirror()

    def close(self) -> None:
        """Close the files."""
        with self._lock:
            self._raw.close()
            if self._mirror is not None:
                self._mirror.close()
                self._mirror = None

    def _write(self, sql: str, parameters: tuple[Any, ...]) -> None:
        with self._both() as run:
            run(sql, parameters)

    @contextlib.contextmanager
    def _both(self) -> Iterator[Any]:
        """Run statements on the file, then on its mirror; the mirror's trouble is told and made up for later."""
        done: list[tuple[str, tuple[Any, ...]]] = []

        def run(sql: str, parameters: tuple[Any, ...]) -> None:
            self._raw.execute(sql, parameters)
            done.append((sql, parameters))

        with _transaction(self._raw):
            yield run
        if self._mirror_path is None:
            return
        try:
            if self._mirror is None and not self._meet_mirror():
                return
            with _transaction(self._mirror):
                for sql, parameters in done:
                    self._mirror.execute(sql, parameters)
        except (database.DatabaseError, OSError):
            log.exception("member_keys.mirror_away")
            self._part_from_mirror()

    def _meet_mirror(self) -> bool:
        if self._mirror_path is None:
            return True
        try:
            if self._mirror is None:
                self._mirror = _open(self._mirror_path)
            for first, second in ((self._raw, self._mirror), (self._mirror, self._raw)):
                _bring(first, second)
        except (database.DatabaseError, OSError):
            log.exception("member_keys.mirror_away")
            self._part_from_mirror()
            return False
        return True

    def _part_from_mirror(self) -> None:
        if self._mirror is not None:
            with contextlib.suppress(database.DatabaseError):
                self._mirror.close()
        self._mirror = None


def _open(path: Path | None) -> Any:  # noqa: ANN401 - the driver has no types
    if path is None:
        raw = database.dbapi().connect(":memory:", isolation_level=None, check_same_thread=False)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        database.keep_private(path)
        raw = database.dbapi().connect(str(path), isolation_level=None, check_same_thread=False)
    raw.execute(f"PRAGMA busy_timeout={database.BUSY_TIMEOUT_MS}")
    raw.execute("PRAGMA secure_delete=ON")
    raw.execute("PRAGMA journal_mode=DELETE")
    raw.execute("PRAGMA synchronous=EXTRA")
    raw.executescript(_SCHEMA)
    return raw


@contextlib.contextmanager
def _transaction(raw: Any) -> Iterator[None]:  # noqa: ANN401 - the driver has no types
    raw.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        raw.execute("ROLLBACK")
        raise
    raw.execute("COMMIT")


def _bring(source: Any, target: Any) -> None:  # noqa: ANN401 - the driver has no types
    """Give a file what the other one knows: what was forgotten first, then keys and secrets that it lacks."""
    forgotten = source.execute("SELECT member_id, at_ms FROM forgotten").fetchall()
    held = source.execute("SELECT member_id, key_id, box FROM member_keys").fetchall()
    secrets = source.execute("SELECT name, box FROM secrets").fetchall()
    with _transaction(target):
        target.executemany("INSERT OR IGNORE INTO forgotten VALUES (?, ?)", forgotten)
        target.executemany("INSERT OR IGNORE INTO member_keys VALUES (?, ?, ?)", held)
        target.execute("DELETE FROM member_keys WHERE member_id IN (SELECT member_id FROM forgotten)")
        target.executemany("INSERT OR IGNORE INTO secrets VALUES (?, ?)", secrets)


def _place(member_id: str, name: str) -> bytes:
    return f"member_keys|{member_id}|{name}".encode()


def wrapping_of(secret: bytes) -> bytes:
    """Derive the key that wraps members' keys from a secret of the key file."""
    return hmac.digest(secret, b"zhanggui member keys 1", "sha256")
