"""Queries on the open alarms of stores, a read model."""

import msgspec
from sqlalchemy import delete, select

from cloud.db.engine import Reader, Tx, upsert
from cloud.db.schema import alarms, stores


class AlarmRow(msgspec.Struct, frozen=True):
    """An open alarm; `at_ms` is when the store raised it, by the store's clock."""

    store: str
    epoch: int
    code: str
    detail: str
    at_ms: int
    ingest_id: int


class AlarmTurn(msgspec.Struct, frozen=True):
    """An alarm that began (`is_open`), or is over."""

    row: AlarmRow
    is_open: bool


def turn(tx: Tx, turns: list[AlarmTurn]) -> None:
    """Open and close alarms, in order of arrival; opened once more it has the newer words."""
    for one in turns:
        row = one.row
        if one.is_open:
            changes = {name: (lambda new, name=name: new[name]) for name in ("detail", "at_ms", "ingest_id")}
            upsert(tx, alarms, msgspec.structs.asdict(row), changes)
        else:
            place = alarms.c.store == row.store, alarms.c.epoch == row.epoch, alarms.c.code == row.code
            tx.run(delete(alarms).where(*place))


def all_open(reader: Reader) -> list[AlarmRow]:
    """List the open alarms of every store's computer of now."""
    now = (alarms.c.store == stores.c.store) & (alarms.c.epoch == stores.c.epoch)
    query = select(alarms).join(stores, now).order_by(alarms.c.store, alarms.c.code)
    return [AlarmRow(*row) for row in reader.rows(query)]
