"""Queries on the devices that members joined with."""

from collections.abc import Sequence

from sqlalchemy import delete, select

from cloud.db.engine import Reader, Tx, upsert
from cloud.db.schema import member_devices


def note(tx: Tx, digest: str, member_id: str, at_ms: int) -> None:
    """Keep that a member was on a device."""
    row = {"digest": digest, "member_id": member_id, "at_ms": at_ms}
    upsert(tx, member_devices, row, {"at_ms": at_ms})


def on_device(reader: Reader, digest: str) -> list[str]:
    """List who was on a device."""
    query = select(member_devices.c.member_id).where(member_devices.c.digest == digest)
    return [row.member_id for row in reader.rows(query.order_by(member_devices.c.member_id))]


def devices_of(reader: Reader, member_ids: Sequence[str]) -> set[str]:
    """Give the devices that members were on."""
    query = select(member_devices.c.digest).where(member_devices.c.member_id.in_(list(member_ids)))
    return {row.digest for row in reader.rows(query)}


def forget(tx: Tx, member_id: str) -> None:
    """Forget what a member was on."""
    tx.run(delete(member_devices).where(member_devices.c.member_id == member_id))


def drop_before(tx: Tx, before_ms: int) -> int:
    """Forget what was noted before a time; gives how much."""
    return int(tx.run(delete(member_devices).where(member_devices.c.at_ms < before_ms)).rowcount)
