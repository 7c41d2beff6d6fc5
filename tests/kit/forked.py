"""Node processes that are forked from one that has imported the product already: as real as any, and there sooner.

For tests that start a node very often: nine tenths of a second of each start are imports. The server of forks has no threads and
has opened nothing (importing the product starts nothing); each child has a pid of its own and may be killed.
"""

import contextlib
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["edge.cli"])


def _be_edge(arguments: Sequence[str], told: Connection, log: Path) -> None:
    from edge.cli import main  # noqa: PLC0415 - the server of forks has it already

    os.dup2(told.fileno(), 1)
    os.dup2(os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600), 2)
    main(list(arguments), prog_name="edge")


@contextlib.contextmanager
def edge_process(arguments: Sequence[str], log: Path) -> Iterator[tuple[ForkServerProcess, str]]:
    """Run `python -m edge ...` until the block ends, which kills it; gives the process and the first line that it said.

    Args:
        log: gets what it says of errors.
    """
    ours, theirs = _FORKS.Pipe(duplex=False)
    process = _FORKS.Process(target=_be_edge, args=(arguments, theirs, log), daemon=True)
    process.start()
    theirs.close()
    try:
        with os.fdopen(os.dup(ours.fileno()), encoding="utf-8") as lines:
            line = lines.readline()
            assert line, log.read_text(encoding="utf-8")[-3_000:]
            yield process, line
    finally:
        process.kill()
        process.join()
        process.close()
        ours.close()
