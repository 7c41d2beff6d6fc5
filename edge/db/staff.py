"""People, what they show to sign in, wrong tries, and sessions that outlive a restart.

`people` is what facts say. `newcomers` are those who were put in while nothing could be journalled (training, or a file from
before roles); their facts are written as soon as there is an epoch. What is secret is in no fact: hashes lie in `credentials`.
"""

from typing import NamedTuple

from edge.domain.roles import Role
from sync.contract.words import ZH
from sync.node.database import Reader, Tx

PIN = "pin"
BADGE = "badge"
ANY_BUCKET = -1
"""The bucket of a hash that was kept before there were buckets."""


class Cashier(NamedTuple):
    """Somebody who may sign in."""

    cashier_id: str
    name: str
    role: Role = Role.CASHIER
    locale: str = ZH


class Session(NamedTuple):
    """Who is signed in where, what they may do and which language they read."""

    till: str
    cashier_id: str
    cashier_name: str
    role: Role = Role.CASHIER
    locale: str = ZH


class Credential(NamedTuple):
    """A stored PIN or badge: whose, and its hash."""

    person_id: str
    hash: str


class Seat(NamedTuple):
    """A session as it is stored, and when it was last seen at work (wall ms)."""

    session: Session
    seen_ms: int


def cashiers(reader: Reader) -> list[Cashier]:
    """List everybody who may sign in."""
    return [
        Cashier(person_id, name, role_of(role), locale)
        for person_id, name, role, locale in reader.execute(
            "SELECT person_id, name, role, locale FROM staff ORDER BY person_id"
        )
    ]


def person(reader: Reader, person_id: str) -> Cashier | None:
    """Find somebody who may sign in."""
    rows = reader.execute("SELECT person_id, name, role, locale FROM staff WHERE person_id = ?", (person_id,))
    return Cashier(rows[0][0], rows[0][1], role_of(rows[0][2]), rows[0][3]) if rows else None


def role_of(text: str) -> Role:
    """Read a role; one that this version does not know may do the least."""
    try:
        return Role(text)
    except ValueError:
        return Role.CASHIER


def was_here(reader: Reader, person_id: str) -> bool:
    """Say whether facts know a person, gone or not."""
    return bool(reader.execute("SELECT 1 FROM people WHERE person_id = ?", (person_id,)))


def newcomers(reader: Reader) -> list[Cashier]:
    """List those whose facts are not written yet."""
    return [
        Cashier(person_id, name, role_of(role), locale)
        for person_id, name, role, locale in reader.execute(
            "SELECT person_id, name, role, locale FROM newcomers ORDER BY person_id"
        )
    ]


def put_newcomer(tx: Tx, one: Cashier) -> None:
    """Let somebody sign in of whom no fact can be written yet."""
    tx.execute(
        "INSERT INTO newcomers (person_id, name, role, locale) VALUES (?, ?, ?, ?) ON CONFLICT (person_id)"
        " DO UPDATE SET name = excluded.name, role = excluded.role, locale = excluded.locale",
        (one.cashier_id, one.name, one.role.value, one.locale),
    )


def drop_newcomer(tx: Tx, person_id: str) -> None:
    """Take somebody off the list of those whose facts are not written yet."""
    tx.execute("DELETE FROM newcomers WHERE person_id = ?", (person_id,))


def credentials(reader: Reader, what: str, bucket: int) -> list[Credential]:
    """List the hashes of a bucket, of people who may sign in; hashes without a bucket stand in each."""
    return [
        Credential(*row)
        for row in reader.execute(
            "SELECT person_id, hash FROM credentials JOIN staff USING (person_id) WHERE what = ? AND bucket IN (?, ?)",
            (what, bucket, ANY_BUCKET),
        )
    ]


def have(reader: Reader, what: str) -> set[str]:
    """Give the ids of all who have a PIN or badge here."""
    return {row[0] for row in reader.execute("SELECT person_id FROM credentials WHERE what = ?", (what,))}


def set_credential(tx: Tx, person_id: str, what: str, bucket: int, hashed: str) -> None:
    """Keep the hash of a PIN or badge in place of the one before."""
    tx.execute(
        "INSERT INTO credentials (person_id, what, bucket, hash) VALUES (?, ?, ?, ?) ON CONFLICT (person_id, what)"
        " DO UPDATE SET bucket = excluded.bucket, hash = excluded.hash",
        (person_id, what, bucket, hashed),
    )


def move_credentials(tx: Tx, person_id: str, to: str) -> None:
    """Give what one id shows to another id."""
    tx.execute("UPDATE credentials SET person_id = ? WHERE person_id = ?", (to, person_id))


def drop_credentials(tx: Tx, person_id: str) -> None:
    """Forget what somebody shows."""
    tx.execute("DELETE FROM credentials WHERE person_id = ?", (person_id,))


def tries(reader: Reader, till: str, person_id: str = "") -> tuple[int, int]:
    """Give wrong tries in a row of a person at a till (nobody named: of the till), and until when it is locked (wall ms)."""
    rows = reader.execute(
        "SELECT wrong, locked_until_ms FROM pin_tries WHERE till = ? AND person_id = ?", (till, person_id)
    )
    return (rows[0][0], rows[0][1]) if rows else (0, 0)


def set_tries(tx: Tx, till: str, person_id: str, wrong: int, locked_until_ms: int) -> None:
    """Note wrong tries in a row."""
    tx.execute(
        "INSERT INTO pin_tries (till, person_id, wrong, locked_until_ms) VALUES (?, ?, ?, ?) ON CONFLICT (till, person_id)"
        " DO UPDATE SET wrong = excluded.wrong, locked_until_ms = excluded.locked_until_ms",
        (till, person_id, wrong, locked_until_ms),
    )


def add_wrong_pin(tx: Tx, till: str, person_id: str, at_ms: int, keep_ms: int) -> None:
    """Note a wrong try with its time, and forget those that no rule looks at any more."""
    tx.execute("DELETE FROM wrong_pins WHERE at_ms <= ? OR at_ms > ?", (at_ms - keep_ms, at_ms))
    tx.execute("INSERT INTO wrong_pins (at_ms, till, person_id) VALUES (?, ?, ?)", (at_ms, till, person_id))


def take_back_wrong_pin(tx: Tx, till: str, person_id: str, at_ms: int) -> None:
    """A try that was counted before it was looked at proved right."""
    tx.execute(
        "DELETE FROM wrong_pins WHERE rowid IN (SELECT rowid FROM wrong_pins WHERE till = ? AND person_id = ?"
        " AND at_ms = ? LIMIT 1)",
        (till, person_id, at_ms),
    )


def wrong_pins(reader: Reader, till: str, after_ms: int, person_id: str | None = None) -> list[int]:
    """Give the times of wrong tries at a till, oldest first; of one person where one is named."""
    if person_id is None:
        rows = reader.execute("SELECT at_ms FROM wrong_pins WHERE till = ? AND at_ms > ? ORDER BY 1", (till, after_ms))
    else:
        rows = reader.execute(
            "SELECT at_ms FROM wrong_pins WHERE till = ? AND at_ms > ? AND person_id = ? ORDER BY 1",
            (till, after_ms, person_id),
        )
    return [row[0] for row in rows]


def forget_tries(tx: Tx, person_id: str) -> None:
    """Let somebody try again at every till, as a manager said."""
    tx.execute("DELETE FROM pin_tries WHERE person_id = ?", (person_id,))
    tx.execute("DELETE FROM wrong_pins WHERE person_id = ?", (person_id,))


def open_session(tx: Tx, token_hash: bytes, till: str, cashier_id: str, at_ms: int) -> None:
    """Keep a session; only the hash of its token is stored."""
    tx.execute(
        "INSERT INTO sessions (token_hash, till, person_id, created_ms, seen_ms) VALUES (?, ?, ?, ?, ?)",
        (token_hash, till, cashier_id, at_ms, at_ms),
    )


def seat(reader: Reader, token_hash: bytes, not_before_ms: int) -> Seat | None:
    """Find a session that is younger than the bound."""
    rows = reader.execute(
        "SELECT sessions.till, staff.person_id, staff.name, staff.role, staff.locale, sessions.seen_ms"
        " FROM sessions JOIN staff USING (person_id) WHERE token_hash = ? AND created_ms >= ?",
        (token_hash, not_before_ms),
    )
    if not rows:
        return None
    till, person_id, name, role, locale, seen_ms = rows[0]
    return Seat(Session(till, person_id, name, role_of(role), locale), seen_ms)


def touch_session(tx: Tx, token_hash: bytes, at_ms: int) -> None:
    """Note that a session was at work."""
    tx.execute("UPDATE sessions SET seen_ms = ? WHERE token_hash = ?", (at_ms, token_hash))


def close_session(tx: Tx, token_hash: bytes) -> None:
    """End a session."""
    tx.execute("DELETE FROM sessions WHERE token_hash = ?", (token_hash,))


def drop_sessions_before(tx: Tx, at_ms: int) -> None:
    """Forget sessions that are too old to count."""
    tx.execute("DELETE FROM sessions WHERE created_ms < ?", (at_ms,))


def drop_sessions_at(tx: Tx, till: str) -> int:
    """End every session at a till, or everywhere where no till is named; give how many."""
    rows = tx.execute("DELETE FROM sessions WHERE ? = '' OR till = ? RETURNING till", (till, till))
    return len(rows)


def age_sessions_at(tx: Tx, till: str, created_ms: int) -> None:
    """Let every session at a till be as old as this, unless it is older."""
    tx.execute("UPDATE sessions SET created_ms = min(created_ms, ?) WHERE till = ?", (created_ms, till))


def drop_sessions_of(tx: Tx, person_id: str) -> None:
    """End every session of somebody."""
    tx.execute("DELETE FROM sessions WHERE person_id = ?", (person_id,))
