"""Whether the node can sell: what an upgrade waits for before it keeps a version, and what the watchdog and a person may ask."""

import msgspec

from edge.db.migrations import steps
from edge.services.care.status import Desk
from edge.services.node import VERSION
from sync.node import migrate
from sync.node.database import DatabaseError


class Health(msgspec.Struct, frozen=True):
    """The vital parts of the node.

    `boot` is another at each start, so that an answer of the process before is not taken for one of the new. `checks` holds
    `readable` (the file can be read) and, by name, every part without which a till cannot sell: `writer` (a trial write on the
    writer thread, undone), `link` (its thread comes round; whether HQ is reached is no matter of health).
    """

    ok: bool
    version: str
    boot: str
    step: str
    """The last step of the file's schema; it may be one that only newer code knows."""
    checks: dict[str, bool]


def health(desk: Desk) -> Health:
    """Look at every vital part; that somebody can ask at all says that the web server answers."""
    try:
        with desk.node.db.read() as reader:
            step, readable = migrate.last(reader, steps), True
    except DatabaseError:
        step, readable = "", False
    checks = {"readable": readable, **{name: alive() for name, alive in desk.vitals.items()}}
    return Health(all(checks.values()), VERSION, desk.boot, step, checks)
