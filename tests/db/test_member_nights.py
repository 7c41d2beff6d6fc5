"""By night everybody is looked at again whose key is not at the store, a few at a time, so that no sale waits for it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

from edge.db import members
from edge.services.members import care, desk, known
from sync.contract.member_cards import MemberCard
from sync.node.database import Database, Reader, Tx
from tests.kit.member_tills import PHONE, Till, World, world

T = TypeVar("T")


@pytest.fixture
def shops(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


def wanted(till: Till) -> list[str]:
    with till.rig.db.read() as reader:
        return members.wanted(reader, members.LOOK)


class Counting:
    """The node's file, counting who is noted within one transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.noted: list[int] = []

    def write(self, work: Callable[[Tx], T]) -> T:
        def counted(tx: Tx) -> T:
            [(before,)] = tx.execute("SELECT count(*) FROM member_work")
            done = work(tx)
            [(after,)] = tx.execute("SELECT count(*) FROM member_work")
            self.noted.append(after - before)
            return done

        return self._db.write(counted)

    @contextmanager
    def read(self) -> Iterator[Reader]:
        with self._db.read() as reader:
            yield reader


def test_whoever_cannot_be_read_here_is_looked_at_again_and_read_once_the_hub_answers(shops):
    till = shops.till()
    lost, held, forgotten = (till.join(phone).member_id for phone in (PHONE, "13912345678", "13712345678"))
    till.sync()
    keys = desk.keys_of(till.node)
    keys.drop(lost)
    keys.forget(forgotten, 1)
    care.look_at_all(till.node)
    assert wanted(till) == [lost]
    till.online = False
    care.care(till.node)
    assert wanted(till) == [lost], "nobody answered, so it is still to be done"
    assert till.known(lost).profile is None
    till.online = True
    care.care(till.node)
    assert wanted(till) == []
    assert [till.view(one).phone for one in (lost, held)] == ["138****5678", "139****5678"]


def test_many_are_noted_a_few_at_a_time(shops):
    till = shops.till()
    stream, count = known.cards_stream(till.node), 2 * care.BATCH + 1
    card = MemberCard(
        member_id="0" * 32, joined_day="2026-01-01", home_store="near", points=0, booked_epoch=1, booked_seq=0
    )

    def lay(tx: Any) -> None:
        for number in range(count):
            one = msgspec.structs.replace(card, member_id=f"{number:032x}")
            tx.execute(
                "INSERT INTO stream_items (stream, key, value) VALUES (?, ?, ?)",
                (stream, one.member_id, msgspec.json.encode(one)),
            )

    till.rig.db.write(lay)
    counting = Counting(till.rig.db)
    care.look_at_all(replace(till.node, db=counting))
    assert counting.noted == [care.BATCH, care.BATCH, 1]


def test_a_card_that_goes_meanwhile_stays_to_be_let_go_of(shops):
    till = shops.till()
    member_id = till.join(PHONE).member_id
    till.sync()
    desk.keys_of(till.node).drop(member_id)

    class Meanwhile(Counting):
        """The card goes between the look and the note."""

        def write(self, work: Callable[[Tx], T]) -> T:
            def gone(tx: Tx) -> None:
                tx.execute("DELETE FROM stream_items WHERE key = ?", (member_id,))
                members.want(tx, member_id, members.DROP)

            self._db.write(gone)
            return self._db.write(work)

    care.look_at_all(replace(till.node, db=Meanwhile(till.rig.db)))
    assert wanted(till) == []
    with till.rig.db.read() as reader:
        assert members.wanted(reader, members.DROP) == [member_id]
