"""Phone numbers are told, a thousand with `--deep`, and none is on a disk: databases, write-ahead logs, copies, backups, logs (membership.md §5.2, §8.3).

What is searched for is a number in every form that a program may write it in, plainly digested ones among them: there are few enough
numbers to try them all out. After somebody is forgotten an older backup, put back and opened, does not bring them back either.
"""

import hashlib
import logging
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from cloud.app import create_guest_app
from cloud.db import members as member_rows
from cloud.db.engine import open_engine
from cloud.services import restore
from cloud.services.backup import Backups
from cloud.services.members import erase, people
from cloud.settings import BackupSettings, BrokerSettings, HubSettings, ListenSettings
from edge.db.migrations import steps
from edge.services.copies import snapshots as copies
from edge.services.members import changes, find, known
from edge.services.members.changes import LeaveCommand
from edge.services.members.desk import MemberDesk
from edge.services.members.join import Said
from sync.contract import ids
from sync.contract.words import Name
from sync.node import logs, member_keys, migrate, snapshots
from sync.node.database import Tx
from sync.node.member_keys import MemberKeys
from sync.node.ports import ManualClock, SeededChance
from sync.node.snapshots import Keyring
from tests.kit.hub_stores import EVENING_MS, StoreByHand, open_hub
from tests.kit.member_tills import Till, World, world
from tests.kit.nodes import AT_TILL_1

AT_TILLS, ON_THE_HUBS_PAGE = (700, 300) if os.environ.get("ZHANGGUI_DEEP") else (120, 40)
"""A thousand in all with `--deep`: the search is the same, what takes time is that so many join."""
FORGOTTEN = 20
SAMPLE = 10
FIRST = 13_900_000_000
NAME = "赵钱孙李"
_RUN = re.compile(rb"1[3-9]\d(?:[ -]?)\d{4}(?:[ -]?)\d{4}")
_ONCE = re.compile(r'name="once" value="([0-9a-f]{32})"')
_HEX = re.compile(rb"(?<![0-9a-f])(?:[0-9a-f]{64}|[0-9a-f]{32})(?![0-9a-f])")
_KEYS = "member-keys.db"


def number(index: int) -> str:
    """Give one of the numbers; they are spread, so that none is another with a digit more."""
    return str(FIRST + 7_919 * (index + 1))


def hits(folder: Path, phones: set[str]) -> list[str]:
    """Name the files in which one of the numbers is found, in any form; as bytes, digests of some of them only."""
    hexed = {whole.hexdigest().encode() for phone in phones for whole in _plain_digests(phone)}
    marks = [whole.digest() for phone in sorted(phones)[:SAMPLE] for whole in _plain_digests(phone)]
    found: list[str] = []
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        raw = path.read_bytes()
        # In wide letters every other byte is nothing.
        for text in (raw, raw.replace(b"\0", b"")):
            runs = {re.sub(rb"[ -]", b"", run).decode() for run in _RUN.findall(text)}
            found += [f"{path.name}: {one[:3]}…" for one in runs & phones]
        found += [f"{path.name}: a plain digest" for _ in hexed.intersection(_HEX.findall(raw))]
        found += [f"{path.name}: a plain digest" for mark in marks if mark in raw]
        if NAME.encode() in raw:
            found.append(f"{path.name}: a name")
    return found


def _plain_digests(phone: str) -> Iterator[Any]:
    for form in (phone, f"86{phone}", f"+86{phone}"):
        yield hashlib.sha256(form.encode())
        yield hashlib.md5(form.encode())


@pytest.fixture
def log_files(tmp_path: Path) -> Iterator[Path]:
    """Let everything be logged, as loudly as it goes, into a folder that is searched."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    logs.set_up(tmp_path / "logs", level="DEBUG")
    yield tmp_path
    for handler in [one for one in root.handlers if one not in before]:
        root.removeHandler(handler)
        handler.close()
    root.handlers[:] = before
    root.setLevel(level)


@dataclass
class Shops:
    """Two stores and their hub, with keys and backups on the disk."""

    world: World
    near: Till
    far: Till
    made: Backups

    @property
    def folder(self) -> Path:
        return self.world.folder

    def back_up(self) -> None:
        """Make the copies of a night: at each store, and at the hub."""
        self.world.hub.kit.projector.catch_up()
        assert self.made.make() is not None
        for till in (self.near, self.far):
            copies.make(shelf_of(till))


@pytest.fixture
def shops(log_files: Path) -> Iterator[Shops]:
    with world(log_files) as made:
        near, far = (with_keys_on_disk(made.till(name)) for name in ("near", "far"))
        settings = HubSettings(
            data_dir=str(log_files / "hub-data"),
            web=ListenSettings(port=0),
            guest=ListenSettings(port=0),
            broker=BrokerSettings(port=1),
            public_url="https://example.com",
            backup=BackupSettings(folder=str(log_files / "apart")),
        )
        (log_files / "hub-data").mkdir()
        hub = made.hub
        yield Shops(
            made, near, far, Backups(hub.database, settings, hub.kit.identity, hub.clock, SeededChance("backup"))
        )


def with_keys_on_disk(till: Till) -> Till:
    held = MemberKeys(till.rig.folder / _KEYS, member_keys.wrapping_of(till.node.identity.journal), till.node.chance)
    till.rig.node = replace(till.node, members=MemberDesk(held))
    till.sync()
    return till


def shelf_of(till: Till) -> copies.Shelf:
    node = till.node
    return copies.shelf_of(node.settings, node.identity, node.clock, SeededChance(f"copies of {till.name}"))


def joined(shops: Shops, phones: list[str]) -> dict[str, tuple[Till, str]]:
    """Let them join: at both stores in turn, half of them while nobody hears the hub; all of it is settled then."""
    found: dict[str, tuple[Till, str]] = {}
    for at, phone in enumerate(phones):
        till = (shops.near, shops.far)[at % 2]
        till.online = at % 4 < 2
        said = Said(phone=phone, name=NAME if at % 5 == 0 else "")
        found[phone] = (till, till.join(phone, said=said).member_id)
        if at % 10 == 0:
            assert find.find(till.node, phone) is not None
    shops.near.online = shops.far.online = True
    shops.world.sync()
    return found


def test_no_number_is_on_a_disk_and_an_older_backup_brings_nobody_back(shops: Shops) -> None:
    phones = [number(index) for index in range(AT_TILLS)]
    members = joined(shops, phones)
    assert len({member_id for _, member_id in members.values()}) == AT_TILLS
    shops.back_up()
    names = {path.name for path in shops.folder.rglob("*") if path.is_file()}
    assert {"hub.db", "hub.db-wal", "node.db", "node.db-wal", _KEYS, "log.jsonl"} <= names
    assert any(name.endswith(".zgs") for name in names), "a copy of a node lies there"
    planted = set(phones)
    assert hits(shops.folder, planted) == []

    # Opened by whoever has the keys of the backups, they say no more.
    opened = shops.folder / "opened"
    put_back = {till.name: unsealed(till, opened) for till in (shops.near, shops.far)}
    old = open_engine(f"sqlite:///{opened / 'hub.db'}")
    ring = Keyring(shops.world.hub.kit.identity, SeededChance("r"))
    restore.restore_into(old, restore.choose(shops.folder / "apart", None), ring, shops.made.settings)
    assert hits(opened, planted) == []
    keys_then = shops.folder / "taken-aside"
    keys_then.mkdir()
    shutil.copy(shops.near.rig.folder / _KEYS, keys_then / _KEYS)

    gone = phones[:FORGOTTEN]
    for phone in gone:
        till, member_id = members[phone]
        done = changes.leave(till.node, AT_TILL_1, LeaveCommand(request_id=till.new_id(), member_id=member_id))
        assert hasattr(done, "answer"), done
    shops.world.sync()
    assert hits(shops.folder, planted) == []

    # The hub's older backup believes that they are here, cannot say who they are, and forgets them when it starts.
    older = replace(shops.world.hub.shared, database=old)
    with old.read() as reader:
        for phone in gone:
            row = member_rows.member(reader, members[phone][1])
            assert row is not None
            assert people.open_profile(older, row) is None
    assert erase.settle(older) == FORGOTTEN
    with old.read() as reader:
        assert [phone for phone in gone if people.find_phone(reader, older, f"+86{phone}")] == []
        assert people.find_phone(reader, older, f"+86{phones[-1]}") is not None, "who did not leave is found"
    assert hits(opened, planted) == []
    old.close()

    # So does a store's, whatever lies beside it: the keys are what was destroyed.
    near = shops.near
    mine = [members[phone][1] for phone in gone if members[phone][0] is near]
    names_of = names_in(near, put_back["near"], near.rig.folder / _KEYS, mine)
    assert names_of == [None] * len(mine)
    # Negative control: with the file of keys of before the older copy does say who they were.
    assert None not in names_in(near, put_back["near"], keys_then / _KEYS, mine)


def unsealed(till: Till, folder: Path) -> Path:
    """Open a node's newest copy, as a restore does; gives the file."""
    (folder / till.name).mkdir(parents=True)
    shelf = shelf_of(till)
    _, newest = max(copies.listed(shelf.folder))
    target = folder / till.name / "node.db"
    snapshots.unseal(newest, target, shelf.keyring)
    return target


def names_in(till: Till, file: Path, keys: Path, member_ids: list[str]) -> list[str | None]:
    """Read profiles out of an older file of a node with a file of keys; None where nothing opens."""
    held = MemberKeys(keys, member_keys.wrapping_of(till.node.identity.journal), SeededChance("read"))
    db = migrate.opened(file, steps)
    node = replace(till.node, db=db, members=MemberDesk(held))
    try:
        with db.read() as reader:
            found = [known.find(node, reader, one) for one in member_ids]
        return [None if one is None or one.profile is None else one.profile.phone for one in found]
    finally:
        held.close()
        db.close()


def test_none_of_those_who_join_on_the_hubs_page_is_on_its_disk_or_in_its_log(log_files: Path) -> None:
    clock = ManualClock(EVENING_MS)
    core = open_hub(log_files / "hub", clock)
    try:
        near = StoreByHand(core, "near", Name("近店", "Near"), clock)
        guest = create_guest_app(core.hub).test_client()
        phones = [number(AT_TILLS + index) for index in range(ON_THE_HUBS_PAGE)]
        for at, phone in enumerate(phones):
            # Each of them on a phone of their own, with a receipt of their own.
            page = f"/J/{near.invite(ids.uuid7(EVENING_MS, near.chance.token(10)).hex(), EVENING_MS).code}"
            from_there = {"REMOTE_ADDR": f"198.51.{100 + at // 250}.{at % 250}"}
            once = _ONCE.search(guest.get(page, environ_base=from_there).text)
            assert once is not None
            form = {"once": once[1], "phone": phone, "name": NAME, "purpose_membership": "yes"}
            assert guest.post(page, data=form, environ_base=from_there).status_code == 200
            clock.advance(1_000)
        assert core.hub.members.desk.count() == ON_THE_HUBS_PAGE
        assert len(core.hub.members.desk.search(phones[0])) == 1, "they are found by their number all the same"
        guest.get("/J/NOT-A-CODE")
        assert (log_files / "hub" / "hub.db-wal").stat().st_size > 0
        assert hits(log_files, set(phones)) == []
    finally:
        core.close()


@pytest.mark.parametrize("where", ["column", "log", "digest", "wide", "spaced"])
def test_a_number_on_a_disk_is_found(shops: Shops, where: str) -> None:
    """Negative control: the search sees what it looks for, in every place and way.

    In a log it is a name: our logs write no number of eleven digits, whatever they are told.
    """
    phone = number(3)

    def plant(tx: Tx) -> None:
        tx.execute("CREATE TABLE notes (text TEXT)")
        tx.execute("INSERT INTO notes VALUES (?)", (phone,))

    if where == "column":
        shops.near.rig.db.write(plant)
    elif where == "log":
        logging.getLogger("edge").error("a guest called %s", NAME)
    elif where == "digest":
        (shops.folder / "index").write_text(hashlib.sha256(f"+86{phone}".encode()).hexdigest())
    elif where == "wide":
        (shops.folder / "wide").write_bytes(f"tel {phone}".encode("utf-16-le"))
    else:
        (shops.folder / "note").write_text(f"{phone[:3]} {phone[3:7]} {phone[7:]}")
    assert hits(shops.folder, {phone}) != []
