"""Processes that share one file of members' keys, each doing what a test tells it over a pipe."""

import contextlib
import multiprocessing
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

WRAPPING = b"k" * 32
_SPAWN = multiprocessing.get_context("spawn")


def key_of(member_id: str) -> tuple[str, bytes]:
    """Give the key of a member, and its name: every process makes the same one."""
    return f"k-{member_id}", member_id.encode().ljust(32, b".")[:32]


def _work(told: Connection, folder: str, mirror: str, seed: str) -> None:
    from sync.node.member_keys import FILE, MemberKeys  # noqa: PLC0415 - in the process of its own
    from sync.node.ports import SeededChance  # noqa: PLC0415

    keys = MemberKeys(Path(folder) / FILE, WRAPPING, SeededChance(seed), Path(mirror) / FILE if mirror else None)
    told.send("ready")
    while True:
        what, members = told.recv()
        match what:
            case "put":
                told.send([keys.put(one, *key_of(one)) for one in members])
            case "forget":
                for one in members:
                    keys.forget(one, 1)
                told.send(len(members))
            case "read":
                held = {one: keys.get(one) for one in members}
                told.send({one: found.key for one, found in held.items() if found is not None})
            case "forgotten":
                told.send(keys.forgotten())
            case _:
                keys.close()
                return


class KeyProcess:
    """A process with the file open."""

    def __init__(self, line: Connection) -> None:
        self._line = line
        assert line.recv() == "ready"

    def begin(self, what: str, members: list[str]) -> None:
        """Tell it to do something, without waiting."""
        self._line.send((what, members))

    def end(self) -> Any:
        """Wait for what came of it."""
        return self._line.recv()

    def do(self, what: str, members: list[str] | None = None) -> Any:
        """Have something done."""
        self.begin(what, members or [])
        return self.end()


@contextlib.contextmanager
def key_processes(folder: Path, count: int, mirror: Path | None = None) -> Iterator[list[KeyProcess]]:
    """Run processes on one file; the block's end closes them."""
    lines, running = [], []
    for n in range(count):
        ours, theirs = _SPAWN.Pipe()
        process = _SPAWN.Process(target=_work, args=(theirs, str(folder), str(mirror or ""), f"p{n}"), daemon=True)
        process.start()
        theirs.close()
        lines.append(ours)
        running.append(process)
    try:
        yield [KeyProcess(line) for line in lines]
    finally:
        for line in lines:
            with contextlib.suppress(OSError):
                line.send(("end", []))
        for process in running:
            process.join(20)
            if process.is_alive():
                process.kill()
                process.join()
