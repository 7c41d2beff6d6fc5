"""Schema of the node's file, in released steps; a released step is never edited, a change is a new one.

A step from which the store must be able to go back to the version before is `@steps.additive` (sync.node.migrate says what that
asks of it); where that cannot be, `@steps`, and going back means the copy that is made before the step.
"""

from sqlite_utils import Database

from edge.db import member_schema, restaurant_schema, streams
from sync.node.migrate import Steps

steps = Steps("edge")

_JOURNAL = """
CREATE TABLE facts (
    epoch INTEGER NOT NULL, lane INTEGER NOT NULL, seq INTEGER NOT NULL,
    n INTEGER NOT NULL UNIQUE, fact_id BLOB NOT NULL UNIQUE, kind TEXT NOT NULL, at_ms INTEGER NOT NULL,
    raw BLOB NOT NULL, chain BLOB NOT NULL, seal BLOB NOT NULL,
    PRIMARY KEY (epoch, lane, seq)
) STRICT;
CREATE TRIGGER facts_are_never_edited BEFORE UPDATE ON facts
    BEGIN SELECT RAISE(ABORT, 'a fact is never edited'); END;
CREATE TRIGGER facts_are_never_deleted BEFORE DELETE ON facts
    BEGIN SELECT RAISE(ABORT, 'a fact is never deleted'); END;
CREATE TABLE lanes (
    epoch INTEGER NOT NULL, lane INTEGER NOT NULL,
    head_seq INTEGER NOT NULL, head_chain BLOB NOT NULL,
    acked_seq INTEGER NOT NULL DEFAULT 0, acked_chain BLOB NOT NULL, ack_proof BLOB NOT NULL DEFAULT x'',
    PRIMARY KEY (epoch, lane)
) STRICT;
CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
CREATE TABLE requests (
    request_id TEXT PRIMARY KEY, digest BLOB NOT NULL, answer BLOB NOT NULL, at_ms INTEGER NOT NULL
) STRICT;
"""

_PROJECTIONS = """
CREATE TABLE sales (
    sale_id TEXT PRIMARY KEY, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, n INTEGER NOT NULL UNIQUE,
    till TEXT NOT NULL, number INTEGER NOT NULL, receipt_no TEXT NOT NULL UNIQUE,
    day TEXT NOT NULL, at_ms INTEGER NOT NULL, total_fen INTEGER NOT NULL, currency TEXT NOT NULL,
    UNIQUE (till, epoch, number)
) STRICT;
CREATE INDEX sales_by_day ON sales (day);
CREATE TABLE sale_lines (
    sale_id TEXT NOT NULL REFERENCES sales (sale_id), position INTEGER NOT NULL,
    dish_id TEXT NOT NULL, qty INTEGER NOT NULL, amount_fen INTEGER NOT NULL,
    PRIMARY KEY (sale_id, position)
) STRICT;
CREATE TABLE sale_tenders (
    sale_id TEXT NOT NULL REFERENCES sales (sale_id), position INTEGER NOT NULL,
    kind TEXT NOT NULL, received_fen INTEGER NOT NULL, change_fen INTEGER NOT NULL, amount_fen INTEGER NOT NULL,
    PRIMARY KEY (sale_id, position)
) STRICT;
CREATE TABLE invites (
    invite_id TEXT PRIMARY KEY, sale_id TEXT NOT NULL UNIQUE REFERENCES sales (sale_id),
    short TEXT NOT NULL, code TEXT NOT NULL, expires_day TEXT NOT NULL, seq INTEGER NOT NULL
) STRICT;
CREATE TABLE day_totals (day TEXT PRIMARY KEY, sales INTEGER NOT NULL, amount_fen INTEGER NOT NULL) STRICT;
CREATE TABLE prints (
    job_id TEXT PRIMARY KEY, document TEXT NOT NULL, subject TEXT NOT NULL,
    copy INTEGER NOT NULL, state TEXT NOT NULL, seq INTEGER NOT NULL
) STRICT;
"""

_SHELL = """
CREATE TABLE print_jobs (
    job_id TEXT PRIMARY KEY, position INTEGER NOT NULL UNIQUE,
    document TEXT NOT NULL, subject TEXT NOT NULL, label TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued','claimed','sending','sent','confirmed','held','unknown','discarded')),
    reason TEXT NOT NULL DEFAULT '', copy INTEGER NOT NULL DEFAULT 0, attempt INTEGER NOT NULL DEFAULT 0,
    bytes_handed INTEGER NOT NULL DEFAULT 0, created_ms INTEGER NOT NULL, settled_ms INTEGER
) STRICT;
CREATE INDEX print_jobs_open ON print_jobs (position) WHERE state NOT IN ('confirmed', 'discarded');
CREATE INDEX print_jobs_by_subject ON print_jobs (subject);
CREATE TABLE menus (version INTEGER PRIMARY KEY, sha256 TEXT NOT NULL, raw BLOB NOT NULL, imported_ms INTEGER NOT NULL) STRICT;
CREATE TABLE cashiers (
    cashier_id TEXT PRIMARY KEY, name TEXT NOT NULL, pin_hash TEXT NOT NULL
) STRICT;
CREATE TABLE pin_tries (till TEXT PRIMARY KEY, wrong INTEGER NOT NULL, locked_until_ms INTEGER NOT NULL) STRICT;
CREATE TABLE sessions (
    token_hash BLOB PRIMARY KEY, till TEXT NOT NULL, cashier_id TEXT NOT NULL REFERENCES cashiers (cashier_id),
    created_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE streams (stream TEXT PRIMARY KEY, version INTEGER NOT NULL, checksum BLOB NOT NULL) STRICT;
CREATE TABLE store_keys (
    store TEXT NOT NULL, epoch INTEGER NOT NULL, key_id BLOB NOT NULL, public_key BLOB NOT NULL,
    name_zh TEXT NOT NULL, name_en TEXT NOT NULL, revoked_ms INTEGER,
    PRIMARY KEY (store, epoch)
) STRICT;
CREATE INDEX store_keys_by_key ON store_keys (key_id);
"""

_DEVICES = """
ALTER TABLE print_jobs ADD COLUMN station TEXT NOT NULL DEFAULT 'receipt';
ALTER TABLE print_jobs ADD COLUMN printer TEXT NOT NULL DEFAULT '';
ALTER TABLE print_jobs ADD COLUMN moved_from TEXT NOT NULL DEFAULT '';
ALTER TABLE print_jobs ADD COLUMN asked INTEGER NOT NULL DEFAULT 0;
CREATE TABLE drawer_jobs (
    job_id TEXT PRIMARY KEY, drawer TEXT NOT NULL, printer TEXT NOT NULL, till TEXT NOT NULL,
    reason TEXT NOT NULL, sale_id TEXT NOT NULL, actor TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting','sending','opened','failed')), outcome TEXT NOT NULL DEFAULT '',
    created_ms INTEGER NOT NULL, created_monotonic_ms INTEGER NOT NULL, settled_ms INTEGER
) STRICT;
CREATE INDEX drawer_jobs_open ON drawer_jobs (created_ms) WHERE state IN ('waiting', 'sending');
CREATE TABLE device_memory (
    device TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (device, key)
) STRICT;
"""

_STREAMS = """
ALTER TABLE streams ADD COLUMN doubted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE store_keys ADD COLUMN doubted INTEGER NOT NULL DEFAULT 0;
CREATE TABLE stream_items (
    stream TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, doubted INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (stream, key)
) STRICT;
CREATE TABLE stream_fetches (stream TEXT PRIMARY KEY, snapshot BLOB NOT NULL) STRICT;
CREATE TABLE stream_pieces (
    stream TEXT NOT NULL, digest BLOB NOT NULL, data BLOB NOT NULL, PRIMARY KEY (stream, digest)
) STRICT;
CREATE TABLE publications_begun (
    stream TEXT NOT NULL, number INTEGER NOT NULL, at_ms INTEGER NOT NULL, PRIMARY KEY (stream, number)
) STRICT;
CREATE TABLE commands_settled (
    command_id TEXT PRIMARY KEY, outcome TEXT NOT NULL CHECK (outcome IN ('done', 'refused', 'expired')), at_ms INTEGER NOT NULL
) STRICT;
"""

_ARCHIVE = """
ALTER TABLE lanes ADD COLUMN durable_seq INTEGER;
CREATE TABLE archives (
    name TEXT PRIMARY KEY, day TEXT NOT NULL, first_n INTEGER NOT NULL UNIQUE, last_n INTEGER NOT NULL UNIQUE,
    facts INTEGER NOT NULL, sha256 BLOB NOT NULL, size INTEGER NOT NULL, made_ms INTEGER NOT NULL,
    checked INTEGER NOT NULL DEFAULT 0, missing INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE archive_lanes (
    name TEXT NOT NULL REFERENCES archives (name), epoch INTEGER NOT NULL, lane INTEGER NOT NULL,
    first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL, chain_before BLOB NOT NULL, chain_after BLOB NOT NULL,
    PRIMARY KEY (epoch, lane, first_seq)
) STRICT;
CREATE TRIGGER archives_are_never_deleted BEFORE DELETE ON archives
    BEGIN SELECT RAISE(ABORT, 'an archive is never forgotten'); END;
CREATE TRIGGER archived_lanes_are_never_deleted BEFORE DELETE ON archive_lanes
    BEGIN SELECT RAISE(ABORT, 'an archive is never forgotten'); END;
CREATE TRIGGER archives_stay_what_they_are BEFORE UPDATE OF name, day, first_n, last_n, facts, sha256, size ON archives
    BEGIN SELECT RAISE(ABORT, 'an archive is never changed'); END;
CREATE TABLE alarms (
    epoch INTEGER NOT NULL, code TEXT NOT NULL, detail TEXT NOT NULL, at_ms INTEGER NOT NULL, PRIMARY KEY (epoch, code)
) STRICT;
DROP TRIGGER facts_are_never_deleted;
CREATE TRIGGER facts_are_never_deleted BEFORE DELETE ON facts
    WHEN NOT EXISTS (SELECT 1 FROM archives WHERE checked = 1 AND OLD.n BETWEEN first_n AND last_n)
    OR NOT EXISTS (SELECT 1 FROM lanes WHERE lanes.epoch = OLD.epoch AND lanes.lane = OLD.lane
        AND OLD.seq <= min(lanes.acked_seq, coalesce(lanes.durable_seq, lanes.acked_seq)))
    BEGIN SELECT RAISE(ABORT, 'a fact is never deleted before it is acknowledged and lies in a checked archive'); END;
"""

_REPLACE = """
CREATE TABLE handovers (
    epoch INTEGER PRIMARY KEY, proof BLOB NOT NULL, built_n INTEGER NOT NULL DEFAULT 0, done INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE handover_lanes (
    by_epoch INTEGER NOT NULL REFERENCES handovers (epoch), epoch INTEGER NOT NULL, lane INTEGER NOT NULL,
    from_seq INTEGER NOT NULL, seq INTEGER NOT NULL, chain BLOB NOT NULL,
    PRIMARY KEY (by_epoch, epoch, lane)
) STRICT;
CREATE TABLE drills (
    at_ms INTEGER PRIMARY KEY, ok INTEGER NOT NULL, record BLOB NOT NULL, signature BLOB NOT NULL
) STRICT;
"""


@steps(name="001_spine")
def spine(db: Database) -> None:
    """Journal, projections of the sale, spool, menus, sessions, streams."""
    for script in (_JOURNAL, _PROJECTIONS, _SHELL):
        for statement in _statements(script):
            db.execute(statement)


@steps(name="002_devices")
def devices(db: Database) -> None:
    """Slips for many printers, openings of drawers, and what the node remembers of a device.

    Slips of before have station `receipt` and no printer: the receipt printer of now prints them.
    """
    for statement in _statements(_DEVICES):
        db.execute(statement)


@steps.additive(name="003_streams", fill=streams.fill)
def down_streams(db: Database) -> None:
    """Down streams beyond the list of stores: what is kept of each, what waits for its date, which commands were done."""
    for statement in _statements(_STREAMS):
        db.execute(statement)


@steps(name="004_archive")
def archive(db: Database) -> None:
    """Sealed days in files, and alarms of the node itself."""
    for statement in _statements(_ARCHIVE):
        db.execute(statement)


@steps.additive(name="005_replace", fill=lambda _tx: None)
def replace(db: Database) -> None:
    """What a node brought back from the hub, under which signed word of it; drills of the backup. No fact fills them."""
    for statement in _statements(_REPLACE):
        db.execute(statement)


@steps(name="006_restaurant")
def restaurant(db: Database) -> None:
    """Open orders, payments before their sale, refunds, shifts, people. Sales of before belong to the running shift of their till."""
    for script in restaurant_schema.SCRIPTS:
        for statement in _statements(script):
            db.execute(statement)


@steps.additive(name="007_members", fill=lambda _tx: None)
def members(db: Database) -> None:
    """Members as this store's facts say; no fact of before names one."""
    for script in member_schema.SCRIPTS:
        for statement in _statements(script):
            db.execute(statement)


def _statements(script: str) -> list[str]:
    """Part a script at its semicolons; a trigger's body belongs to its trigger."""
    parts: list[str] = []
    pending = ""
    for piece in script.split(";"):
        pending += piece + ";"
        if "BEGIN SELECT" in pending and not pending.rstrip().endswith("END;"):
            continue
        if pending.strip(" ;\n"):
            parts.append(pending.strip())
        pending = ""
    return parts
