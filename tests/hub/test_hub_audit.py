"""The hub's audit log (ux-security §12 no. 29): what was changed, removed, added, moved, cut or computed anew is found.

The node's own journal has the same test in tests/db/test_verify_journal.py.
"""

import json
import os
import random

import pytest
from sqlalchemy import delete, insert, update

from cloud.db import audit as rows
from cloud.db.schema import audit as audit_table
from cloud.db.schema import audit_checkpoints, audit_head
from cloud.domain import audit_chain
from cloud.domain.audit_chain import GENESIS, Entry, Filter
from cloud.services import audit
from cloud.services.audit_log import ANCHOR_FILE, AuditLog
from sync.node import keys
from tests.kit.hub_people import Door
from tests.kit.hub_store import open_file

ROWS = 250


@pytest.fixture
def door(tmp_path):
    database = open_file(tmp_path / "hub.db")
    made = Door(database, tmp_path)
    fill(made, ROWS)
    yield made
    database.close()


@pytest.fixture
def each_door(hub_database, tmp_path):
    """A door on each of the two databases."""
    made = Door(hub_database, tmp_path)
    fill(made, ROWS)
    return made


def fill(door, last):
    """Write rows up to a number, with a signature somewhere in between and one at the end."""
    with door.database.write() as tx:
        n, _ = rows.locked_head(tx)
        for number in range(n + 1, last - 100 + 1):
            record(tx, number)
    door.held.audit_log.sign()
    with door.database.write() as tx:
        n, _ = rows.locked_head(tx)
        for number in range(n + 1, last + 1):
            record(tx, number)
    door.held.audit_log.sign()


def record(tx, number):
    audit.record(
        tx, at_ms=1_000 + number, actor="admin", action="thing.done", target=f"t{number}", detail={"n": number}
    )


class Tamperer:
    """Somebody who may do anything to the database, and knows how the chain is made."""

    def __init__(self, database):
        self.database = database

    def run(self, *statements):
        with self.database.write() as tx:
            self.disarm(tx)
            for statement in statements:
                tx.run(statement)

    def disarm(self, tx):
        run = tx.connection.exec_driver_sql
        for deed in ("update", "delete"):
            if tx.connection.dialect.name == "sqlite":
                run(f"DROP TRIGGER IF EXISTS audit_no_{deed}")
            else:
                run(f"DROP TRIGGER IF EXISTS audit_no_{deed} ON audit")

    def recompute(self, *, first=1):
        """Compute the chain anew from a row on, and put the head behind it."""
        with self.database.write() as tx:
            self.disarm(tx)
            chain, n = GENESIS, 0
            for entry, kept in list(rows.walk(tx)):
                n += 1
                moved = Entry(n, entry.at_ms, entry.actor, entry.action, entry.target, entry.detail)
                chain = audit_chain.link(chain, moved) if n >= first else kept
                tx.run(update(audit_table).where(audit_table.c.n == entry.n).values(n=n, chain=chain))
            tx.run(update(audit_head).values(n=n, chain=chain))

    def flip(self, n):
        self.run(update(audit_table).where(audit_table.c.n == n).values(actor="nobody"))

    def remove(self, n):
        self.run(delete(audit_table).where(audit_table.c.n == n))

    def swap(self, n):
        at = audit_table.c.n
        self.run(
            update(audit_table).where(at == n).values(n=-1),
            update(audit_table).where(at == n + 1).values(n=n),
            update(audit_table).where(at == -1).values(n=n + 1),
        )

    def squeeze_in(self, n):
        """Insert a row behind `n`, moving the others on."""
        at = audit_table.c.n
        with self.database.write() as tx:
            self.disarm(tx)
            for entry, _ in reversed(list(rows.walk(tx))):
                if entry.n > n:
                    tx.run(update(audit_table).where(at == entry.n).values(n=entry.n + 1))
            row = {
                "n": n + 1,
                "at_ms": 1,
                "actor": "x",
                "action": "y",
                "target": "",
                "detail": "{}",
                "chain": b"c" * 32,
            }
            tx.run(insert(audit_table), row)

    def cut(self, n):
        """Cut the log off behind `n` and make the head look right."""
        with self.database.write() as tx:
            self.disarm(tx)
            chain = next(chain for entry, chain in rows.walk(tx) if entry.n == n)
            tx.run(delete(audit_table).where(audit_table.c.n > n))
            tx.run(update(audit_head).values(n=n, chain=chain))

    def forget_signatures(self, n=0):
        self.run(delete(audit_checkpoints).where(audit_checkpoints.c.n > n))


def test_an_untouched_log_is_whole_and_verifying_signs_it(each_door):
    proof = each_door.held.audit_log.verify()
    assert (proof.whole, proof.rows, proof.what) == (True, ROWS, "")
    assert proof.checkpoints == 2
    with each_door.database.write() as tx:
        record(tx, 1)
    assert each_door.held.audit_log.verify().checkpoints == 2
    assert each_door.held.audit_log.verify().checkpoints == 3


@pytest.mark.parametrize("deed", ["flip", "remove", "swap", "squeeze_in"])
def test_a_touched_row_is_found_and_named(each_door, deed):
    thief = Tamperer(each_door.database)
    n = random.Random(deed).randint(2, ROWS - 2)
    getattr(thief, deed)(n)
    proof = each_door.held.audit_log.verify()
    named = {"flip": (n, "changed"), "remove": (n, "missing"), "swap": (n, "changed"), "squeeze_in": (n + 1, "changed")}
    assert (proof.bad_row, proof.what) == named[deed]


@pytest.mark.parametrize("column", ["at_ms", "actor", "action", "target", "detail", "chain"])
def test_every_column_of_a_row_is_under_the_chain(door, column):
    thief = Tamperer(door.database)
    value = {"at_ms": 7, "chain": b"x" * 32}.get(column, '{"n":8}')
    thief.run(update(audit_table).where(audit_table.c.n == 77).values({column: value}))
    assert (door.held.audit_log.verify().bad_row) == 77


@pytest.mark.parametrize("deed", ["flip", "remove", "swap", "squeeze_in"])
def test_a_chain_computed_anew_is_not_what_the_hub_signed(each_door, deed):
    thief = Tamperer(each_door.database)
    getattr(thief, deed)(100)
    thief.recompute()
    proof = each_door.held.audit_log.verify()
    assert proof.what in {"rewritten", "cut"}
    assert proof.bad_row is not None
    # Without the signatures in the database there is still the one beside it.
    thief.forget_signatures()
    assert each_door.held.audit_log.verify().what in {"rewritten", "cut", "checkpoints"}


@pytest.mark.parametrize("kept", [0, 1])
def test_a_cut_end_is_found_with_its_signatures_gone_too(each_door, kept):
    thief = Tamperer(each_door.database)
    thief.cut(ROWS - 10)
    if not kept:
        thief.forget_signatures(ROWS - 10)
    proof = each_door.held.audit_log.verify()
    assert (proof.bad_row, proof.what) == (ROWS - 9, "cut")


def test_only_the_signature_shows_a_cut_end(door, tmp_path):
    """Negative control: the chain of a log that was cut is a whole chain."""
    thief = Tamperer(door.database)
    thief.cut(ROWS - 10)
    thief.forget_signatures()
    (tmp_path / ANCHOR_FILE).unlink()
    assert door.held.audit_log.verify().whole


def test_a_removed_or_foreign_signature_is_found(door, tmp_path):
    thief = Tamperer(door.database)
    thief.run(delete(audit_checkpoints).where(audit_checkpoints.c.k == 1))
    assert door.held.audit_log.verify().what == "checkpoints"
    mine = keys.make_identity(b"a thief's identity")
    with door.database.write() as tx:
        n, chain = rows.locked_head(tx)
        tx.run(delete(audit_checkpoints))
        signature = mine.sign(audit_chain.to_sign(1, n, chain, 1))
        tx.run(insert(audit_checkpoints), {"k": 1, "n": n, "chain": chain, "at_ms": 1, "signature": signature})
    (tmp_path / ANCHOR_FILE).unlink()
    assert door.held.audit_log.verify().what == "checkpoints"


def test_a_row_that_the_head_does_not_know_and_a_moved_head_are_found(door):
    thief = Tamperer(door.database)
    with door.database.write() as tx:
        n, chain = rows.locked_head(tx)
        entry = Entry(n + 1, 1, "x", "y", "", "{}")
        tx.run(
            insert(audit_table),
            {**{f: getattr(entry, f) for f in entry.__struct_fields__}, "chain": audit_chain.link(chain, entry)},
        )
    assert (door.held.audit_log.verify().bad_row, door.held.audit_log.verify().what) == (ROWS + 1, "added")
    thief.run(delete(audit_table).where(audit_table.c.n > ROWS), update(audit_head).values(n=ROWS + 5))
    assert door.held.audit_log.verify().what == "cut"


def test_five_hundred_random_events_touched_in_every_way_are_found(door):
    thief = Tamperer(door.database)
    chance = random.Random(29)
    with door.database.read() as reader:
        kept = list(rows.walk(reader))
    for _ in range(500 if os.environ.get("ZHANGGUI_DEEP") else 50):
        entry, chain = chance.choice(kept)
        column = chance.choice(["actor", "action", "target", "detail"])
        at = audit_table.c.n == entry.n
        thief.run(update(audit_table).where(at).values({column: f"{getattr(entry, column)} "}))
        assert door.held.audit_log.verify().bad_row == entry.n
        thief.run(update(audit_table).where(at).values({column: getattr(entry, column), "chain": chain}))
    assert door.held.audit_log.verify().whole


@pytest.mark.parametrize("deed", ["UPDATE audit SET actor = 'x' WHERE n = 1", "DELETE FROM audit WHERE n = 1"])
def test_the_database_itself_refuses_to_change_a_row(each_door, deed):
    with pytest.raises(Exception, match="never changed"), each_door.database.write() as tx:
        tx.connection.exec_driver_sql(deed)
    assert each_door.held.audit_log.verify().whole


def test_a_row_stands_or_falls_with_its_transaction(door):
    def fail():
        with door.database.write() as tx:
            record(tx, 1)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert door.held.audit_log.verify().rows == ROWS


@pytest.mark.parametrize("name", ["password", "token", "code", "secret", "phone", "totp"])
def test_a_detail_that_is_named_like_a_secret_is_refused(door, name):
    with pytest.raises(ValueError, match="no secrets"), door.database.write() as tx:
        audit.record(tx, at_ms=1, actor="a", action="b.c", detail={name: "x"})


@pytest.mark.parametrize(("action", "detail"), [("", {}), ("Two Words", {}), ("fine", {"Not Fine": 1})])
def test_a_row_has_plain_names(door, action, detail):
    with pytest.raises(ValueError, match="plain names"), door.database.write() as tx:
        audit.record(tx, at_ms=1, actor="a", action=action, detail=detail)


def test_odd_texts_become_one_bounded_line(door):
    with door.database.write() as tx:
        audit.record(tx, at_ms=1, actor="a\nb\x00c\ud800", action="b.c", target="x" * 5_000, detail={"why": "\x1b[2J"})
    row = door.log("b.c")[-1]
    assert row.actor == "a\ufffdb\ufffdc\ufffd"
    assert len(row.target) == audit.TEXT_CHARS_MAX
    assert json.loads(row.detail) == {"why": "\ufffd[2J"}
    assert door.held.audit_log.verify().whole


def test_the_page_filters_by_who_what_and_when(door):
    log = door.held.audit_log
    with door.database.write() as tx:
        audit.record(tx, at_ms=5, actor="mei", action="other.done")
    assert [row.n for row in log.page(Filter(actor="mei"), 10)] == [ROWS + 1]
    assert [row.n for row in log.page(Filter(actions=("other.done",)), 10)] == [ROWS + 1]
    assert [row.n for row in log.page(Filter(from_ms=1_100, until_ms=1_103), 10)] == [102, 101, 100]
    assert [row.n for row in log.page(Filter(before=3), 10)] == [2, 1]
    assert log.names() == (["admin", "mei", "system"], ["other.done", "thing.done", "user.added"])


def test_a_hub_put_back_to_an_earlier_point_says_so_in_the_log(door):
    thief = Tamperer(door.database)
    thief.cut(ROWS - 50)
    thief.forget_signatures(ROWS - 50)
    door.restart()
    assert door.held.audit_log.verify().what == "cut"
    assert door.held.audit_log.accept_restore("cli") == 50
    row = door.log("log.restored")[-1]
    assert json.loads(row.detail)["last"] == ROWS
    assert door.held.audit_log.verify().whole
    assert door.held.audit_log.accept_restore("cli") == 0


def test_a_damaged_anchor_file_is_no_reason_to_stop(door, tmp_path):
    (tmp_path / ANCHOR_FILE).write_bytes(b"{nonsense")
    assert door.held.audit_log.verify().whole
    other = AuditLog(door.database, keys.make_identity(b"another hub"), tmp_path, clock=door.clock)
    assert not other.verify().whole, "signatures of this hub are not another's"
