"""How the bytes of facts become rows: the one way in, for what comes off the wire and what a new node brings back."""

from typing import Any

from cloud.db import journal
from cloud.db.engine import Repeated, Tx
from cloud.domain import reading
from sync.contract import facts
from sync.contract.facts import ContractError

KIND_CHARS_MAX = 64


def readable(raw: bytes) -> tuple[bytes | None, str, int]:
    """Give what the columns need of a fact, as far as it can be read: its id, its kind, its time."""
    try:
        fact = facts.decode(raw)
    except ContractError:
        return None, "", 0
    # PostgreSQL takes no NUL in a text, and a fact must be storable whatever it says.
    kind = fact.kind[:KIND_CHARS_MAX].replace("\0", "\ufffd")
    return reading.fact_id_bytes(fact.id), kind, fact.at_ms if 0 <= fact.at_ms <= reading.AT_MS_MAX else 0


def of_bytes(raw: bytes) -> dict[str, Any]:
    """Give the columns that come out of a fact's bytes; they are kept whatever they say."""
    fact_id, kind, at_ms = readable(raw)
    return {"fact_id": fact_id, "kind": kind, "at_ms": at_ms, "raw": raw}


def insert(tx: Tx, rows: list[dict[str, Any]]) -> None:
    """Give rows their numbers in the order of arrival, and store them; call it last.

    Other workers wait for the row that hands out the numbers from here to the commit.
    """
    first = journal.take_ingest_ids(tx, len(rows))
    for number, row in enumerate(rows):
        row["ingest_id"] = first + number
    try:
        with tx.attempt():
            journal.insert_facts(tx, rows)
    except Repeated:
        # A store used one id for two facts. Both are stored; the later one is parked by the projector.
        _blank_repeated_ids(tx, rows)
        journal.insert_facts(tx, rows)


def _blank_repeated_ids(tx: Tx, rows: list[dict[str, Any]]) -> None:
    for store in {row["store"] for row in rows}:
        mine = [row for row in rows if row["store"] == store]
        known = journal.known_fact_ids(tx, store, [row["fact_id"] for row in mine if row["fact_id"] is not None])
        for row in mine:
            if row["fact_id"] in known:
                row["fact_id"] = None
            elif row["fact_id"] is not None:
                known.add(row["fact_id"])
