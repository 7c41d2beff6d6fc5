"""Members as the store holds them: what its own facts say, what the hub's streams say, and what they are found by."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from sync.contract import member_cards
from sync.contract.facts import ContractError
from sync.contract.grants import SKEW_MARGIN_MS, Grant
from sync.contract.member_cards import MemberCard
from sync.contract.members import PointsEarned, PointsReversed, PointsSpent
from sync.node.database import Reader, Row, Tx

PHONE: Final = "phone"
TAIL: Final = "tail"
TOKEN: Final = "token"  # noqa: S105 - a kind of digest
LOOK: Final = "look"
DROP: Final = "drop"
FORGET: Final = "forget"
CARD: Final = "card"
GRANT: Final = "grant"

Place = tuple[int, int]
"""(epoch, seq) of the store's own lane 0."""
NOWHERE: Final[Place] = (0, 0)


class JoinedHere(NamedTuple):
    """Somebody who joined at this store; `left_ms` 0 = is a member."""

    member_id: str
    at: Place
    day: str
    place: str
    by_member: str
    key_id: str
    sealed: str
    left_ms: int


class Sealed(NamedTuple):
    """A profile as it was written here last."""

    at: Place
    key_id: str
    sealed: str


class ConsentHere(NamedTuple):
    """What was said here last of one purpose."""

    purpose: str
    given: bool
    text: str
    at_ms: int
    at: Place


class Bill(NamedTuple):
    """A bill of a member at this store."""

    day: str
    at_ms: int
    receipt_no: str
    total_fen: int


class Visit(NamedTuple):
    """A time at which somebody was recognised here."""

    day: str
    at_ms: int
    by: str
    order_id: str


# ------------------------------------------------------------------------------------------------------- what the hub says


def card(reader: Reader, stream: str, member_id: str) -> MemberCard | None:
    """Give a member's card: the stream's, or what an online answer said before the stream did."""
    rows = reader.execute("SELECT value FROM stream_items WHERE stream = ? AND key = ?", (stream, member_id))
    if not rows:
        rows = reader.execute("SELECT value FROM member_answers WHERE what = ? AND id = ?", (CARD, member_id))
    try:
        return member_cards.read_card(bytes(rows[0][0])) if rows else None
    except ContractError:
        return None


def resolve(reader: Reader, member_id: str) -> str:
    """Say who a member turned out to be; cards of merged members name the last of them."""
    rows = reader.execute("SELECT into_id FROM member_aliases WHERE member_id = ?", (member_id,))
    return str(rows[0][0]) if rows else member_id


def family(reader: Reader, member_id: str) -> list[str]:
    """Give a member and all who turned out to be them."""
    rows = reader.execute("SELECT member_id FROM member_aliases WHERE into_id = ? ORDER BY member_id", (member_id,))
    return [member_id, *(row[0] for row in rows)]


def grants_of(reader: Reader, stream: str, member_ids: Sequence[str]) -> list[Grant]:
    """List what the hub put aside here for a member, released grants left out."""
    marks = _marks(member_ids)
    rows = reader.execute(
        "SELECT o.grant_id, coalesce(s.value, a.value) FROM grant_owners o"  # noqa: S608 - marks only
        " LEFT JOIN stream_items s ON s.stream = ? AND s.key = o.grant_id"
        " LEFT JOIN member_answers a ON a.what = 'grant' AND a.id = o.grant_id"
        f" WHERE o.member_id IN ({marks}) AND NOT EXISTS (SELECT 1 FROM grants_released r WHERE r.grant_id = o.grant_id)"
        " ORDER BY o.grant_id",
        (stream, *member_ids),
    )
    return _grants(rows)


def grants_due(reader: Reader, stream: str, epoch: int, now_ms: int) -> list[Grant]:
    """List what is put aside for an epoch, was not released, and is recalled or has ended."""
    rows = reader.execute(
        "SELECT o.grant_id, coalesce(s.value, a.value) FROM grant_owners o"
        " LEFT JOIN stream_items s ON s.stream = ? AND s.key = o.grant_id"
        " LEFT JOIN member_answers a ON a.what = 'grant' AND a.id = o.grant_id"
        " WHERE o.epoch = ? AND o.ends_ms < ?"
        " AND NOT EXISTS (SELECT 1 FROM grants_released r WHERE r.grant_id = o.grant_id) ORDER BY o.grant_id",
        (stream, epoch, now_ms),
    )
    return _grants(rows)


def last_days(reader: Reader, stream: str, grant_ids: Iterable[str]) -> dict[tuple[str, str], str]:
    """Say on which day the lots of some grants end, by (grant, lot); of grants that are gone from here nothing is said."""
    wanted = sorted(set(grant_ids))
    rows = reader.execute(
        "SELECT key, value FROM stream_items WHERE stream = ?"  # noqa: S608 - marks only
        f" AND key IN ({_marks(wanted)}) UNION SELECT id, value FROM member_answers WHERE what = 'grant'"
        f" AND id IN ({_marks(wanted)})",
        (stream, *wanted, *wanted),
    )
    return {(grant.grant_id, lot.lot_id): lot.last_day for grant in _grants(rows) for lot in grant.lots}


def spent_of(reader: Reader, grant_id: str) -> dict[str, int]:
    """Say how much of each lot of a grant was spent here."""
    rows = reader.execute("SELECT lot_id, spent FROM grant_draws WHERE grant_id = ?", (grant_id,))
    return dict(map(tuple, rows))


def is_released(reader: Reader, grant_id: str) -> bool:
    """Say whether this store gave a grant back."""
    return bool(reader.execute("SELECT 1 FROM grants_released WHERE grant_id = ?", (grant_id,)))


def keep_answer(tx: Tx, stream: str, one: MemberCard | Grant) -> None:
    """Keep a card or grant of an online answer until the stream says it, too; what the stream said stands."""
    key = one.member_id if isinstance(one, MemberCard) else one.grant_id
    if tx.execute("SELECT 1 FROM stream_items WHERE stream = ? AND key = ?", (stream, key)):
        return
    what = CARD if isinstance(one, MemberCard) else GRANT
    tx.execute(
        "INSERT INTO member_answers (what, id, value) VALUES (?, ?, ?) ON CONFLICT (what, id)"
        " DO UPDATE SET value = excluded.value",
        (what, key, msgspec.json.encode(one)),
    )
    if isinstance(one, Grant):
        own_grant(tx, one)
    else:
        alias(tx, one)


def own_grant(tx: Tx, grant: Grant) -> None:
    """Note whose a grant is, and when this store stops spending from it: at once where it is recalled."""
    ends_ms = 0 if grant.recalled else grant.not_after_ms - SKEW_MARGIN_MS
    tx.execute(
        "INSERT INTO grant_owners (grant_id, member_id, epoch, ends_ms) VALUES (?, ?, ?, ?) ON CONFLICT (grant_id)"
        " DO UPDATE SET member_id = excluded.member_id, epoch = excluded.epoch, ends_ms = excluded.ends_ms",
        (grant.grant_id, grant.member_id, grant.epoch, ends_ms),
    )


def disown_grant(tx: Tx, grant_id: str) -> None:
    """Forget a grant that the hub took back."""
    tx.execute("DELETE FROM grant_owners WHERE grant_id = ?", (grant_id,))


def alias(tx: Tx, one: MemberCard) -> None:
    """Note who a card's member turned out to be, or that they are themselves (again)."""
    if one.merged_into:
        tx.execute(
            "INSERT INTO member_aliases (member_id, into_id) VALUES (?, ?) ON CONFLICT (member_id)"
            " DO UPDATE SET into_id = excluded.into_id",
            (one.member_id, one.merged_into),
        )
    else:
        tx.execute("DELETE FROM member_aliases WHERE member_id = ?", (one.member_id,))


def drop_answer(tx: Tx, what: str, key: str) -> None:
    """Forget what an online answer said: the stream says it now."""
    tx.execute("DELETE FROM member_answers WHERE what = ? AND id = ?", (what, key))


# ------------------------------------------------------------------------------------------------ what our own facts say


def joined_here(reader: Reader, member_id: str) -> JoinedHere | None:
    """Find somebody who joined here."""
    rows = reader.execute(
        "SELECT member_id, epoch, seq, day, place, by_member, key_id, sealed, left_ms FROM members_here WHERE member_id = ?",
        (member_id,),
    )
    if not rows:
        return None
    found, epoch, seq, *rest = rows[0]
    return JoinedHere(found, (epoch, seq), *rest)


def profiled_here(reader: Reader, member_id: str) -> Sealed | None:
    """Find the profile that was written here last."""
    rows = reader.execute("SELECT epoch, seq, key_id, sealed FROM member_profiles WHERE member_id = ?", (member_id,))
    return Sealed((rows[0][0], rows[0][1]), rows[0][2], rows[0][3]) if rows else None


def consents_here(reader: Reader, member_id: str) -> list[ConsentHere]:
    """List what was said here of each purpose."""
    rows = reader.execute(
        "SELECT purpose, given, text, at_ms, epoch, seq FROM member_consents WHERE member_id = ? ORDER BY purpose",
        (member_id,),
    )
    return [
        ConsentHere(purpose, bool(given), text, at_ms, (epoch, seq)) for purpose, given, text, at_ms, epoch, seq in rows
    ]


def has_left(reader: Reader, member_id: str) -> bool:
    """Say whether somebody asked here to be forgotten; they may have joined elsewhere."""
    rows = reader.execute("SELECT 1 FROM members_gone WHERE member_id = ?", (member_id,))
    return bool(rows)


def posted_behind(reader: Reader, member_ids: Sequence[str], at: Place) -> int:
    """Add up what our own facts behind a place of lane 0 did to a member's points, claims of our own receipts included."""
    marks = _marks(member_ids)
    behind = "(epoch, seq) > (?, ?)"
    [(posted,)] = reader.execute(
        "SELECT coalesce(sum(points), 0) FROM member_posts"  # noqa: S608 - marks only
        f" WHERE member_id IN ({marks}) AND member_id <> '' AND {behind}",
        (*member_ids, *at),
    )
    [(claimed,)] = reader.execute(
        "SELECT coalesce(sum(points), 0) FROM member_posts WHERE member_id = '' AND invite_id <> ''"  # noqa: S608
        f" AND invite_id IN (SELECT invite_id FROM invite_claims WHERE member_id IN ({marks}) AND {behind})",
        (*member_ids, *at),
    )
    return int(posted) + int(claimed)


def risked_behind(reader: Reader, member_ids: Sequence[str], at: Place) -> int:
    """Add up what a member was let spend here without a grant, as far as the hub did not count it yet."""
    rows = reader.execute(
        "SELECT kind, doc FROM member_posts WHERE kind <> 'earned'"  # noqa: S608 - marks only
        f" AND member_id IN ({_marks(member_ids)}) AND member_id <> '' AND (epoch, seq) > (?, ?)",
        (*member_ids, *at),
    )
    risked = 0
    for kind, doc in rows:
        if kind == "spent":
            risked += msgspec.json.decode(doc, type=PointsSpent).risk
        else:
            risked -= msgspec.json.decode(doc, type=PointsReversed).returned_risk
    return max(0, risked)


def earned_on(reader: Reader, member_ids: Sequence[str], day: str, by: str) -> int:
    """Add up what a member was given here on a business day for one thing."""
    [(points,)] = reader.execute(
        "SELECT coalesce(sum(points), 0) FROM member_posts"  # noqa: S608 - marks only
        f" WHERE kind = 'earned' AND member_id IN ({_marks(member_ids)}) AND member_id <> '' AND day = ? AND by_what = ?",
        (*member_ids, day, by),
    )
    return int(points)


def earning_of(reader: Reader, ref: str) -> PointsEarned | None:
    """Find what a sale earned."""
    rows = reader.execute("SELECT doc FROM member_posts WHERE ref = ? AND kind = 'earned' AND by_what = 'sale'", (ref,))
    return msgspec.json.decode(rows[0][0], type=PointsEarned) if rows else None


def earning_of_invite(reader: Reader, invite_id: str) -> PointsEarned | None:
    """Find the points that an invite of ours holds, or held."""
    rows = reader.execute(
        "SELECT doc FROM member_posts WHERE invite_id = ? AND invite_id <> '' AND kind = 'earned' AND by_what = 'sale'",
        (invite_id,),
    )
    return msgspec.json.decode(rows[0][0], type=PointsEarned) if rows else None


def spend_of(reader: Reader, ref: str) -> PointsSpent | None:
    """Find the points that paid for something."""
    rows = reader.execute("SELECT doc FROM member_posts WHERE ref = ? AND kind = 'spent'", (ref,))
    return msgspec.json.decode(rows[0][0], type=PointsSpent) if rows else None


def gifts_given(reader: Reader, gift_id: str) -> int:
    """Count how many of a gift this store handed out."""
    first, end = f"gift:{gift_id}:", f"gift:{gift_id};"
    [(count,)] = reader.execute(
        "SELECT count(*) FROM member_posts WHERE ref >= ? AND ref < ? AND kind = 'spent'", (first, end)
    )
    return int(count)


def spent_at(reader: Reader, ref: str) -> tuple[PointsSpent, int] | None:
    """Find the points that paid for something, and when."""
    rows = reader.execute("SELECT doc, at_ms FROM member_posts WHERE ref = ? AND kind = 'spent'", (ref,))
    return (msgspec.json.decode(rows[0][0], type=PointsSpent), int(rows[0][1])) if rows else None


def reversals_of(reader: Reader, sale_id: str) -> list[PointsReversed]:
    """List what refunds of a sale did to points, the oldest first; not those that were counted back since."""
    rows = reader.execute("SELECT refund_id FROM refunds_ceded WHERE sale_id = ? AND regained = 1", (sale_id,))
    regained = {row[0] for row in rows}
    return [one for one in _reversals(reader, sale_id) if one.refund_id not in regained]


def reversal_of(reader: Reader, refund_id: str, sale_id: str) -> PointsReversed | None:
    """Find what one refund did to points."""
    return next((one for one in _reversals(reader, sale_id) if one.refund_id == refund_id), None)


def held_by_invite(reader: Reader, invite_id: str) -> int:
    """Add up what a receipt of ours holds for whoever claims it."""
    [(points,)] = reader.execute(
        "SELECT coalesce(sum(points), 0) FROM member_posts WHERE invite_id = ? AND invite_id <> '' AND member_id = ''",
        (invite_id,),
    )
    return int(points)


def invite_of_sale(reader: Reader, sale_id: str) -> tuple[str, str] | None:
    """Give the invite of a sale of ours, and the business day of that."""
    rows = reader.execute(
        "SELECT i.invite_id, s.day FROM invites AS i JOIN sales AS s USING (sale_id) WHERE s.sale_id = ?", (sale_id,)
    )
    return (str(rows[0][0]), str(rows[0][1])) if rows else None


def claimed_here(reader: Reader, invite_id: str) -> str:
    """Say who claimed a receipt's points here; empty for nobody."""
    rows = reader.execute("SELECT member_id FROM invite_claims WHERE invite_id = ? ORDER BY n LIMIT 1", (invite_id,))
    return str(rows[0][0]) if rows else ""


def member_of_sale(reader: Reader, sale_id: str) -> str:
    """Say whose bill a sale was; empty for nobody's."""
    rows = reader.execute("SELECT member_id FROM member_sales WHERE sale_id = ?", (sale_id,))
    return str(rows[0][0]) if rows else ""


def referrer_of(reader: Reader, member_id: str) -> str:
    """Say who brought a member, as was said here first; empty for nobody."""
    rows = reader.execute("SELECT referrer FROM referrals_bound WHERE friend = ?", (member_id,))
    return str(rows[0][0]) if rows else ""


def visits(reader: Reader, member_ids: Sequence[str], limit: int) -> list[Visit]:
    """List the last times that a member was recognised here."""
    rows = reader.execute(
        "SELECT day, at_ms, by_what, order_id FROM member_visits"  # noqa: S608 - marks only
        f" WHERE member_id IN ({_marks(member_ids)}) ORDER BY n DESC LIMIT ?",
        (*member_ids, limit),
    )
    return [Visit(*row) for row in rows]


def bills(reader: Reader, member_ids: Sequence[str], limit: int) -> list[Bill]:
    """List the last bills of a member here, the newest first."""
    rows = reader.execute(
        "SELECT sales.day, sales.at_ms, sales.receipt_no, sales.total_fen"  # noqa: S608 - marks only
        " FROM member_sales JOIN sales USING (sale_id)"
        f" WHERE member_sales.member_id IN ({_marks(member_ids)}) ORDER BY member_sales.n DESC LIMIT ?",
        (*member_ids, limit),
    )
    return [Bill(*row) for row in rows]


def member_at(reader: Reader, order_id: str) -> str:
    """Say who was recognised at an order last; empty for nobody."""
    rows = reader.execute(
        "SELECT member_id FROM member_visits WHERE order_id = ? AND order_id <> '' ORDER BY n DESC LIMIT 1", (order_id,)
    )
    return str(rows[0][0]) if rows else ""


def tables_since(reader: Reader, member_id: str, at_ms: int) -> bool:
    """Say whether somebody was at a table here since a time."""
    rows = reader.execute(
        "SELECT 1 FROM member_visits WHERE member_id = ? AND at_ms >= ? AND order_id <> '' LIMIT 1", (member_id, at_ms)
    )
    return bool(rows)


def token_owner(reader: Reader, token: str) -> str:
    """Say for whom a card stands, as was said here last; empty for nobody."""
    rows = reader.execute("SELECT member_id FROM member_tokens WHERE token = ?", (token,))
    return str(rows[0][0]) if rows else ""


def everybody_here(reader: Reader) -> list[str]:
    """List who joined or was profiled here and did not leave."""
    rows = reader.execute(
        "SELECT member_id FROM members_here WHERE left_ms = 0 UNION SELECT member_id FROM member_profiles"
        " WHERE member_id NOT IN (SELECT member_id FROM members_gone) ORDER BY 1"
    )
    return [row[0] for row in rows]


def sealed_here(reader: Reader, stream: str) -> list[str]:
    """List everybody of whom a card is held."""
    return [row[0] for row in reader.execute("SELECT key FROM stream_items WHERE stream = ? ORDER BY key", (stream,))]


# ------------------------------------------------------------------------------------------------- what they are found by


def found_by(reader: Reader, kind: str, digest: str) -> list[str]:
    """List who is found by a digest."""
    rows = reader.execute(
        "SELECT member_id FROM member_index WHERE digest = ? AND kind = ? ORDER BY member_id", (digest, kind)
    )
    return [row[0] for row in rows]


def index(tx: Tx, member_id: str, digests: Iterable[tuple[str, str]]) -> None:
    """Let a member be found by these (kind, digest), and by nothing else."""
    unindex(tx, member_id)
    tx.executemany(
        "INSERT OR IGNORE INTO member_index (kind, digest, member_id) VALUES (?, ?, ?)",
        [(kind, digest, member_id) for kind, digest in digests],
    )


def unindex(tx: Tx, member_id: str) -> None:
    """Let a member be found by nothing."""
    tx.execute("DELETE FROM member_index WHERE member_id = ?", (member_id,))


def indexed(reader: Reader) -> list[str]:
    """List who is found by something."""
    return [row[0] for row in reader.execute("SELECT DISTINCT member_id FROM member_index ORDER BY member_id")]


# ------------------------------------------------------------------------------------------------------- what is to be done


def want(tx: Tx, member_id: str, what: str) -> None:
    """Note that something is to be done for a member; whoever asked to be forgotten is, whatever comes behind it."""
    tx.execute(
        "INSERT INTO member_work (member_id, what) VALUES (?, ?) ON CONFLICT (member_id) DO UPDATE SET what = excluded.what"
        " WHERE member_work.what <> 'forget'",
        (member_id, what),
    )


def wanted(reader: Reader, what: str, limit: int = -1) -> list[str]:
    """List for whom something is to be done."""
    rows = reader.execute("SELECT member_id FROM member_work WHERE what = ? LIMIT ?", (what, limit))
    return [row[0] for row in rows]


def gone(tx: Tx, member_id: str, what: str) -> None:
    """Note that a member's key is gone from here; what an online answer said of them goes with it."""
    unindex(tx, member_id)
    drop_answer(tx, CARD, member_id)
    settled(tx, member_id, what)


def settled(tx: Tx, member_id: str, what: str) -> None:
    """Note that it was done."""
    tx.execute("DELETE FROM member_work WHERE member_id = ? AND what = ?", (member_id, what))


def _reversals(reader: Reader, sale_id: str) -> list[PointsReversed]:
    rows = reader.execute("SELECT doc FROM member_posts WHERE ref = ? AND kind = 'reversed' ORDER BY n", (sale_id,))
    return [msgspec.json.decode(doc, type=PointsReversed) for (doc,) in rows]


def _marks(values: Sequence[object]) -> str:
    return ",".join("?" * len(values))


def _grants(rows: Iterable[Row]) -> list[Grant]:
    found = []
    for _, raw in rows:
        if raw is None:
            continue
        try:
            found.append(member_cards.read_grant(bytes(raw)))
        except ContractError:
            # A newer hub's; what cannot be read is not spent from.
            continue
    return found
