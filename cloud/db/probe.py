"""Whether the database can be read and written at all; asked again and again, it changes nothing."""

from alembic.runtime.migration import MigrationContext
from sqlalchemy import update
from sqlalchemy.exc import SQLAlchemyError

from cloud.db.engine import HubDatabase, Turn
from cloud.db.schema import JOBS_SLOT, leases


def step(database: HubDatabase) -> str | None:
    """Give the last step of the database's schema, "" for none; None when the database cannot be read."""
    try:
        with database.read() as reader:
            return MigrationContext.configure(reader.connection).get_current_revision() or ""
    except SQLAlchemyError:
        return None


def writable(database: HubDatabase) -> bool:
    """Try a write and undo it."""
    try:
        # The turn that stands in nobody's way: no fact waits for it.
        with database.write(Turn.LEASES) as tx:
            tx.run(update(leases).where(leases.c.slot == JOBS_SLOT).values(until_ms=leases.c.until_ms))
            raise _UndoneError
    except _UndoneError:
        return True
    except SQLAlchemyError:
        return False


class _UndoneError(Exception):
    pass
