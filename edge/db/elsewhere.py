"""Refunds between stores, as rows: what this store left to another, and what it asks another for; projections write them."""

from typing import NamedTuple

import msgspec

from sync.contract.refunds import RefundAsked, RefundCeded
from sync.node.database import Reader, Tx

_CEDED = msgspec.json.Decoder(RefundCeded)
_ASKED = msgspec.json.Decoder(RefundAsked)


class Ceded(NamedTuple):
    """A refund of a sale of ours that another store gives; `regained` = it said that it never will."""

    n: int
    at_ms: int
    regained: bool
    body: RefundCeded


class AskedRow(NamedTuple):
    """A refund of another store's sale; `state` is `asked`, `given` or `dropped`, and `drop_id` asks that store to count it back."""

    n: int
    at_ms: int
    state: str
    drop_id: str
    body: RefundAsked


def ceded_of(reader: Reader, sale_id: str) -> list[Ceded]:
    """List what was left to other stores of a sale and not regained, oldest first."""
    rows = reader.execute(
        "SELECT n, at_ms, regained, doc FROM refunds_ceded WHERE sale_id = ? AND regained = 0 ORDER BY n", (sale_id,)
    )
    return [_ceded(row) for row in rows]


def ceded(reader: Reader, refund_id: str) -> Ceded | None:
    """Find what was left to another store under an id."""
    rows = reader.execute("SELECT n, at_ms, regained, doc FROM refunds_ceded WHERE refund_id = ?", (refund_id,))
    return _ceded(rows[0]) if rows else None


def asked(reader: Reader, refund_id: str) -> AskedRow | None:
    """Find a refund that another store was asked for."""
    rows = reader.execute("SELECT n, at_ms, state, drop_id, doc FROM refunds_asked WHERE refund_id = ?", (refund_id,))
    return _asked(rows[0]) if rows else None


def open_asks(reader: Reader) -> list[AskedRow]:
    """List the refunds that are asked for and neither given nor dropped, oldest first."""
    rows = reader.execute("SELECT n, at_ms, state, drop_id, doc FROM refunds_asked WHERE state = 'asked' ORDER BY n")
    return [_asked(row) for row in rows]


def drops_untold(reader: Reader) -> list[AskedRow]:
    """List the dropped refunds of which the hub was not told yet."""
    rows = reader.execute(
        "SELECT n, at_ms, state, drop_id, doc FROM refunds_asked AS a WHERE state = 'dropped' AND drop_id <> ''"
        " AND NOT EXISTS (SELECT 1 FROM drops_told AS t WHERE t.refund_id = a.refund_id) ORDER BY n"
    )
    return [_asked(row) for row in rows]


def note_told(tx: Tx, refund_id: str, at_ms: int) -> None:
    """Note that the hub was told of a drop; a file that is built again tells it once more, which changes nothing."""
    tx.execute("INSERT OR IGNORE INTO drops_told (refund_id, at_ms) VALUES (?, ?)", (refund_id, at_ms))


def _ceded(row: tuple[object, ...]) -> Ceded:
    n, at_ms, regained, doc = row
    return Ceded(n, at_ms, bool(regained), _CEDED.decode(doc))  # type: ignore[arg-type]


def _asked(row: tuple[object, ...]) -> AskedRow:
    n, at_ms, state, drop_id, doc = row
    return AskedRow(n, at_ms, state, drop_id, _ASKED.decode(doc))  # type: ignore[arg-type]
