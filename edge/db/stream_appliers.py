"""What a step of each down stream writes: one applier for each name. The cursor is `edge.db.streams`' business.

An applier only writes what the step says. What follows from it (a menu comes into force, a command is done) happens
afterwards, from what is held: a step that was applied twice, or a snapshot instead of steps, must come to the same.
"""

import base64
from typing import Protocol

import msgspec

from edge.db import members
from sync.contract import member_cards, streams
from sync.contract.facts import ContractError
from sync.contract.messages import STORES_STREAM, Operation, StoreKey
from sync.node.database import Reader, Tx


class Applier(Protocol):
    """Writes one stream's steps."""

    def apply(self, tx: Tx, stream: str, operation: Operation) -> None:
        """Write a step; a put takes the doubt from its key.

        Raises:
            ContractError: the step says nothing readable.
        """
        ...

    def doubt(self, tx: Tx, stream: str) -> None:
        """The copy is of another past: everything stays in use until the hub has said it again."""
        ...

    def settle(self, tx: Tx, stream: str) -> None:
        """The copy is whole again: what the hub did not say again is gone."""
        ...

    def empty(self, tx: Tx, stream: str) -> None:
        """Nothing of the stream is kept."""
        ...


class Items:
    """Keeps the last put of each key as it came. Every stream but `stores` is held so, those of newer versions too."""

    def apply(self, tx: Tx, stream: str, operation: Operation) -> None:
        """Write a step."""
        if operation.op == "remove":
            tx.execute("DELETE FROM stream_items WHERE stream = ? AND key = ?", (stream, operation.key))
            return
        tx.execute(
            "INSERT INTO stream_items (stream, key, value) VALUES (?, ?, ?) ON CONFLICT (stream, key)"
            " DO UPDATE SET value = excluded.value, doubted = 0",
            (stream, operation.key, operation.value),
        )

    def doubt(self, tx: Tx, stream: str) -> None:
        """Mark everything as doubted."""
        tx.execute("UPDATE stream_items SET doubted = 1 WHERE stream = ?", (stream,))

    def settle(self, tx: Tx, stream: str) -> None:
        """Drop what is still doubted."""
        tx.execute("DELETE FROM stream_items WHERE stream = ? AND doubted = 1", (stream,))

    def empty(self, tx: Tx, stream: str) -> None:
        """Drop everything."""
        tx.execute("DELETE FROM stream_items WHERE stream = ?", (stream,))


class StoreKeys:
    """The `stores` stream as a table of keys."""

    def apply(self, tx: Tx, stream: str, operation: Operation) -> None:
        """Write a step."""
        try:
            if operation.op == "remove":
                store, _, epoch = operation.key.partition("/")
                tx.execute("DELETE FROM store_keys WHERE store = ? AND epoch = ?", (store, int(epoch)))
                return
            entry = msgspec.json.decode(operation.value, type=StoreKey)
            key_id, public_key = bytes.fromhex(entry.key_id), base64.b64decode(entry.public_key, validate=True)
        except (ValueError, RecursionError) as error:
            raise ContractError(f"stream {stream}: {error}") from error
        tx.execute(
            "INSERT INTO store_keys (store, epoch, key_id, public_key, name_zh, name_en, revoked_ms)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (store, epoch) DO UPDATE SET key_id = excluded.key_id,"
            " public_key = excluded.public_key, name_zh = excluded.name_zh, name_en = excluded.name_en,"
            " revoked_ms = excluded.revoked_ms, doubted = 0",
            (entry.store, entry.epoch, key_id, public_key, entry.name_zh, entry.name_en, entry.revoked_ms),
        )

    def doubt(self, tx: Tx, stream: str) -> None:
        """Mark every key as doubted."""
        assert stream == STORES_STREAM
        tx.execute("UPDATE store_keys SET doubted = 1")

    def settle(self, tx: Tx, stream: str) -> None:
        """Drop the keys that are still doubted."""
        assert stream == STORES_STREAM
        tx.execute("DELETE FROM store_keys WHERE doubted = 1")

    def empty(self, tx: Tx, stream: str) -> None:
        """Drop every key."""
        assert stream == STORES_STREAM
        tx.execute("DELETE FROM store_keys")


class Cards(Items):
    """The cards of members: beside the copy, who turned out to be whom, and whom to look at or to forget."""

    def apply(self, tx: Tx, stream: str, operation: Operation) -> None:
        """Write a step. A remove is the hub's word that this store has no more to do with a member: erased, or not seen for long.

        They are found by nothing from here on, and their key goes with the next look. Whether it may ever come back the hub knows.
        """
        super().apply(tx, stream, operation)
        members.drop_answer(tx, members.CARD, operation.key)
        if operation.op == "remove":
            members.unindex(tx, operation.key)
            members.want(tx, operation.key, members.DROP)
            return
        try:
            card = member_cards.read_card(operation.value)
        except ContractError:
            # A newer hub's card stays as it came; newer code will read it.
            return
        members.alias(tx, card)
        members.want(tx, operation.key, members.LOOK)

    def settle(self, tx: Tx, stream: str) -> None:
        """Drop what is still doubted. A hub that was set back is no reason to forget anybody: it is asked."""
        for (key,) in tx.execute("SELECT key FROM stream_items WHERE stream = ? AND doubted = 1", (stream,)):
            members.want(tx, key, members.LOOK)
        super().settle(tx, stream)


class Grants(Items):
    """What may be spent here: beside the copy, whose each grant is."""

    def apply(self, tx: Tx, stream: str, operation: Operation) -> None:
        """Write a step."""
        super().apply(tx, stream, operation)
        members.drop_answer(tx, members.GRANT, operation.key)
        if operation.op == "remove":
            members.disown_grant(tx, operation.key)
            return
        try:
            members.own_grant(tx, member_cards.read_grant(operation.value))
        except ContractError:
            # What cannot be read is nobody's to spend.
            members.disown_grant(tx, operation.key)


_ITEMS = Items()
_APPLIERS: dict[str, Applier] = {STORES_STREAM: StoreKeys(), streams.MEMBERS: Cards(), streams.GRANTS: Grants()}


def applier_of(stream: str) -> Applier:
    """Give the applier of a stream, or of every store's own stream of that name."""
    return _APPLIERS.get(stream.partition(".")[0], _ITEMS)


def items(reader: Reader, stream: str) -> dict[str, bytes]:
    """Give what is held of a stream that is kept as it came."""
    rows = reader.execute("SELECT key, value FROM stream_items WHERE stream = ? ORDER BY key", (stream,))
    return {key: bytes(value) for key, value in rows}
