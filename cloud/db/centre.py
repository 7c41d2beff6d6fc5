"""Queries on members' own pages: slips that open them, forms that were sent, and what a guest is told of their points."""

from typing import NamedTuple

from sqlalchemy import func, literal, select

from cloud.db import members
from cloud.db.engine import Reader, Tx
from cloud.db.member_tables import ledger_entries, ledger_journals, member_grants, member_index
from sync.contract import ledger

DOOR, OPENED, SENT = "door", "opened", "sent"
"""Kinds of the index of members: a slip that opens a page once, the one that opened it last, a form that made or found them."""


class Moved(NamedTuple):
    """What one journal did to all that a member has, wherever it lies."""

    day: str
    kind: str
    ref: str
    amount: int


def keep_slip(tx: Tx, member_id: str, digest: str, until_ms: int) -> None:
    """Keep a slip; only the newest of a member opens."""
    members.clear_index(tx, member_id, (DOOR,))
    members.put_index(tx, DOOR, f"{digest}|{until_ms}", member_id)


def slip(reader: Reader, digest: str) -> tuple[str, int] | None:
    """Find whose page a slip opens, and until when."""
    query = select(member_index.c.digest, member_index.c.member_id).where(
        member_index.c.kind == DOOR, member_index.c.digest.like(f"{digest}|%")
    )
    row = reader.row(query.limit(1))
    return None if row is None else (str(row.member_id), int(row.digest.partition("|")[2]))


def open_slip(tx: Tx, member_id: str, digest: str) -> None:
    """Use a slip up. The page has another address from now on: the one before opens it no more."""
    members.clear_index(tx, member_id, (DOOR, OPENED))
    members.put_index(tx, OPENED, digest, member_id)


def opened_by(reader: Reader, member_id: str) -> str:
    """Say which slip opened a member's page last; empty where none did."""
    found = members.digests_of(reader, [member_id], OPENED)
    return found[0] if found else ""


def note_sent(tx: Tx, once: str, member_id: str) -> None:
    """Note whom a form made or found."""
    members.put_index(tx, SENT, once, member_id)


def sent_by(reader: Reader, once: str) -> str:
    """Say whom a form made or found; empty for one that was not sent yet."""
    found = members.found_by(reader, SENT, once, 1)
    return found[0] if found else ""


def moved(reader: Reader, whole: list[str], limit: int) -> list[Moved]:
    """List what changed all that a member has, newest first: points that only moved to a store's grant are no change."""
    own = [ledger.member_account(one, name) for one in whole for name in (ledger.MEMBER_POINTS, ledger.MEMBER_DEBT)]
    granted = select(literal("g:") + member_grants.c.grant_id).where(member_grants.c.member_id.in_(whole))
    amount = func.sum(ledger_entries.c.amount)
    query = (
        select(ledger_journals.c.day, ledger_journals.c.kind, ledger_journals.c.ref, amount.label("amount"))
        .join(ledger_entries, ledger_entries.c.journal_id == ledger_journals.c.id)
        .where(ledger_entries.c.account.in_(own) | ledger_entries.c.account.in_(granted))
        .group_by(ledger_journals.c.id, ledger_journals.c.day, ledger_journals.c.kind, ledger_journals.c.ref)
        .having(amount != 0)
        .order_by(ledger_journals.c.id.desc())
        .limit(limit)
    )
    return [Moved(row.day, row.kind, row.ref, int(row.amount)) for row in reader.rows(query)]
