"""Queries on referrals: who brought whom, and how far each has come."""

import msgspec
from sqlalchemy import func, insert, select, update

from cloud.db.engine import Reader, Tx
from cloud.db.member_tables import member_issues, member_referrals

BOUND, COOLING, REVIEW, REWARDED, REFUSED, TAKEN_BACK = (
    "bound",
    "cooling",
    "review",
    "rewarded",
    "refused",
    "taken_back",
)


class ReferralRow(msgspec.Struct, frozen=True):
    """A friend, who brought them, and how far it has come; `flags` have spaces between."""

    friend: str
    referrer: str
    store: str
    flags: str
    bound_ms: int
    state: str = BOUND
    reason: str = ""
    sale_id: str = ""
    paid_ms: int | None = None
    due_ms: int | None = None
    decided_by: str = ""
    decided_ms: int | None = None
    looked: int = 0


class IssueRow(msgspec.Struct, frozen=True):
    """Points that HQ gave or took by hand, or means to; `points` below zero are taken."""

    issue_id: str
    member_id: str
    points: int
    reason: str
    asked_by: str
    asked_ms: int
    state: str
    decided_by: str = ""
    decided_ms: int | None = None


def insert_referral(tx: Tx, row: ReferralRow) -> None:
    """Keep a referral."""
    tx.run(insert(member_referrals), msgspec.structs.asdict(row))


def put_referral(tx: Tx, row: ReferralRow) -> None:
    """Change a referral."""
    values = msgspec.structs.asdict(row)
    del values["friend"]
    tx.run(update(member_referrals).where(member_referrals.c.friend == row.friend).values(values))


def referral_of(reader: Reader, friend: str) -> ReferralRow | None:
    """Find who brought a friend."""
    row = reader.row(select(member_referrals).where(member_referrals.c.friend == friend))
    return None if row is None else ReferralRow(*row)


def of_sale(reader: Reader, sale_id: str) -> list[ReferralRow]:
    """List the referrals that a sale counts for, or did: of two members who turned out to be one, each may name it."""
    query = select(member_referrals).where(member_referrals.c.sale_id == sale_id).order_by(member_referrals.c.friend)
    return [ReferralRow(*row) for row in reader.rows(query)]


def by_referrer(reader: Reader, referrers: list[str], limit: int = 200) -> list[ReferralRow]:
    """List whom members brought, the newest first."""
    query = select(member_referrals).where(member_referrals.c.referrer.in_(referrers))
    return [ReferralRow(*row) for row in reader.rows(query.order_by(member_referrals.c.bound_ms.desc()).limit(limit))]


def due(reader: Reader, now_ms: int, limit: int) -> list[ReferralRow]:
    """List referrals whose cooling is over."""
    query = select(member_referrals).where(member_referrals.c.state == COOLING, member_referrals.c.due_ms <= now_ms)
    return [ReferralRow(*row) for row in reader.rows(query.order_by(member_referrals.c.due_ms).limit(limit))]


def in_state(reader: Reader, state: str, limit: int = 200) -> list[ReferralRow]:
    """List referrals in a state, the oldest first."""
    query = select(member_referrals).where(member_referrals.c.state == state)
    return [ReferralRow(*row) for row in reader.rows(query.order_by(member_referrals.c.bound_ms).limit(limit))]


def count_paid(reader: Reader, referrers: list[str], state: str, from_ms: int, to_ms: int) -> int:
    """Count a member's referrals in a state whose friends paid within a time."""
    query = select(func.count()).where(
        member_referrals.c.referrer.in_(referrers),
        member_referrals.c.state == state,
        member_referrals.c.paid_ms >= from_ms,
        member_referrals.c.paid_ms < to_ms,
    )
    return int(reader.row(query)[0])


def count_bound(reader: Reader, referrers: list[str], since_ms: int, to_ms: int) -> int:
    """Count the friends whom a member brought within a time."""
    query = select(func.count()).where(
        member_referrals.c.referrer.in_(referrers),
        member_referrals.c.bound_ms >= since_ms,
        member_referrals.c.bound_ms <= to_ms,
    )
    return int(reader.row(query)[0])


# --------------------------------------------------------------------------------------------------------------- by hand


def insert_issue(tx: Tx, row: IssueRow) -> None:
    """Keep an issue by hand."""
    tx.run(insert(member_issues), msgspec.structs.asdict(row))


def decide_issue(tx: Tx, issue_id: str, state: str, by: str, at_ms: int) -> bool:
    """Decide an issue that waits; says whether it still waited."""
    done = tx.run(
        update(member_issues)
        .where(member_issues.c.issue_id == issue_id, member_issues.c.state == "waiting")
        .values(state=state, decided_by=by, decided_ms=at_ms)
    )
    return done.rowcount == 1


def issue(reader: Reader, issue_id: str) -> IssueRow | None:
    """Find an issue."""
    row = reader.row(select(member_issues).where(member_issues.c.issue_id == issue_id))
    return None if row is None else IssueRow(*row)


def issues(reader: Reader, state: str = "", member_id: str = "", limit: int = 200) -> list[IssueRow]:
    """List issues by hand, the newest first."""
    query = select(member_issues)
    if state:
        query = query.where(member_issues.c.state == state)
    if member_id:
        query = query.where(member_issues.c.member_id == member_id)
    return [IssueRow(*row) for row in reader.rows(query.order_by(member_issues.c.asked_ms.desc()).limit(limit))]


def issued_since(reader: Reader, account: str, since_ms: int) -> int:
    """Say how much somebody gave by hand since a time, alone."""
    query = select(func.sum(member_issues.c.points)).where(
        member_issues.c.asked_by == account,
        member_issues.c.asked_ms >= since_ms,
        member_issues.c.state == "done",
        member_issues.c.points > 0,
    )
    return int(reader.row(query)[0] or 0)
