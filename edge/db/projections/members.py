"""Members as this store's own facts say: who joined here, what they agreed to, what they earned, spent and gave back.

No balance stands here: its home is the hub (DESIGN §5). A balance on a screen is the hub's, as of a seq of this store, and these
postings behind it.
"""

import msgspec

from sync.contract.facts import Fact
from sync.contract.members import (
    CardBound,
    Consent,
    GrantReleased,
    InviteClaimed,
    MemberConsented,
    MemberJoined,
    MemberLeft,
    MemberProfiled,
    MemberSeen,
    PointsEarned,
    PointsReversed,
    PointsSpent,
    ReferralBound,
    SpentLot,
)
from sync.contract.trade import SalePaid
from sync.node.database import Tx

TABLES = {
    "members_here": (
        "member_id, n, epoch, seq, day, at_ms, place, origin_store, origin_code, origin_at, by_member, key_id, sealed, left_ms"
    ),
    "members_gone": "member_id, n",
    "member_profiles": "member_id, n, epoch, seq, key_id, sealed",
    "member_consents": "member_id, purpose, given, text, channel, at_ms, epoch, seq",
    "member_tokens": "token, member_id, n",
    "member_posts": "post_id, kind, n, epoch, seq, day, at_ms, member_id, invite_id, by_what, ref, points, doc",
    "grant_draws": "grant_id, lot_id, spent",
    "grants_released": "grant_id, rest, n",
    "invite_claims": "invite_id, member_id, sale_store, n, epoch, seq",
    "referrals_bound": "friend, referrer, flags, n",
    "member_sales": "sale_id, member_id, n",
    "member_visits": "n, member_id, day, at_ms, by_what, order_id, till",
}


def joined(tx: Tx, fact: Fact, one: MemberJoined) -> None:
    """List a member who joined here, with what they agreed to."""
    origin = one.origin
    tx.execute(
        "INSERT INTO members_here (member_id, n, epoch, seq, day, at_ms, place, origin_store, origin_code, origin_at, by_member,"
        " key_id, sealed, left_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
        (one.member_id, fact.n, fact.epoch, fact.seq, fact.day, fact.at_ms, origin.place, origin.store, origin.code, origin.at,
         origin.by_member, one.key_id, one.sealed),
    )  # fmt: skip
    _consents(tx, fact, one.member_id, one.consents)


def profiled(tx: Tx, fact: Fact, one: MemberProfiled) -> None:
    """Keep the newest profile that was written here."""
    tx.execute(
        "INSERT INTO member_profiles (member_id, n, epoch, seq, key_id, sealed) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (member_id)"
        " DO UPDATE SET n = excluded.n, epoch = excluded.epoch, seq = excluded.seq, key_id = excluded.key_id,"
        " sealed = excluded.sealed",
        (one.member_id, fact.n, fact.epoch, fact.seq, one.key_id, one.sealed),
    )


def consented(tx: Tx, fact: Fact, one: MemberConsented) -> None:
    """Keep what somebody agreed to or took back."""
    _consents(tx, fact, one.member_id, one.consents)


def seen(tx: Tx, fact: Fact, one: MemberSeen) -> None:
    """List a visit; an order that turns out to be somebody else's is at nobody's visit any more."""
    if one.off:
        tx.execute("UPDATE member_visits SET order_id = '' WHERE order_id = ? AND order_id <> ''", (one.order_id,))
        return
    tx.execute(
        "INSERT INTO member_visits (n, member_id, day, at_ms, by_what, order_id, till) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (fact.n, one.member_id, fact.day, fact.at_ms, one.by, one.order_id, one.till),
    )


def left(tx: Tx, fact: Fact, one: MemberLeft) -> None:
    """Note that somebody asked to be forgotten; their cards mean nobody from now on."""
    tx.execute("UPDATE members_here SET left_ms = ? WHERE member_id = ?", (fact.at_ms, one.member_id))
    tx.execute("INSERT OR IGNORE INTO members_gone (member_id, n) VALUES (?, ?)", (one.member_id, fact.n))
    tx.execute("DELETE FROM member_tokens WHERE member_id = ?", (one.member_id,))
    tx.execute("DELETE FROM member_consents WHERE member_id = ?", (one.member_id,))


def card_bound(tx: Tx, fact: Fact, one: CardBound) -> None:
    """Let a card stand for somebody; it stands for nobody else then."""
    tx.execute(
        "INSERT INTO member_tokens (token, member_id, n) VALUES (?, ?, ?) ON CONFLICT (token)"
        " DO UPDATE SET member_id = excluded.member_id, n = excluded.n",
        (one.token, one.member_id, fact.n),
    )


def earned(tx: Tx, fact: Fact, one: PointsEarned) -> None:
    """List points that came to a member or a receipt."""
    _post(tx, fact, one.post_id, "earned", (one.member_id, one.invite_id, one.by, one.ref), one.points, one)


def spent(tx: Tx, fact: Fact, one: PointsSpent) -> None:
    """List points that paid, and draw on their grants."""
    _post(tx, fact, one.post_id, "spent", (one.member_id, "", one.on, one.ref), -one.points, one)
    _draw(tx, one.lots, 1)


def reversed_(tx: Tx, fact: Fact, one: PointsReversed) -> None:
    """List what a refund does to points; what comes back to a grant may be spent from it again."""
    came_back = sum(lot.qty for lot in one.returned) + one.returned_risk
    change = came_back - (one.taken - one.paid - one.waived)
    _post(tx, fact, one.post_id, "reversed", (one.member_id, one.invite_id, "refund", one.sale_id), change, one)
    _draw(tx, one.returned, -1)


def released(tx: Tx, fact: Fact, one: GrantReleased) -> None:
    """Note that nothing more is spent from a grant."""
    tx.execute(
        "INSERT INTO grants_released (grant_id, rest, n) VALUES (?, ?, ?) ON CONFLICT (grant_id) DO NOTHING",
        (one.grant_id, one.rest, fact.n),
    )


def claimed(tx: Tx, fact: Fact, one: InviteClaimed) -> None:
    """Note who claimed a receipt's points here."""
    tx.execute(
        "INSERT INTO invite_claims (invite_id, member_id, sale_store, n, epoch, seq) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (invite_id, member_id) DO NOTHING",
        (one.invite_id, one.member_id, one.sale_store, fact.n, fact.epoch, fact.seq),
    )


def referred(tx: Tx, fact: Fact, one: ReferralBound) -> None:
    """Note who brought whom; the first word is kept."""
    tx.execute(
        "INSERT INTO referrals_bound (friend, referrer, flags, n) VALUES (?, ?, ?, ?) ON CONFLICT (friend) DO NOTHING",
        (one.friend, one.referrer, ",".join(one.flags), fact.n),
    )


def sold(tx: Tx, fact: Fact, sale: SalePaid) -> None:
    """Keep whose bill a sale was."""
    if sale.member_id:
        tx.execute(
            "INSERT INTO member_sales (sale_id, member_id, n) VALUES (?, ?, ?)", (sale.sale_id, sale.member_id, fact.n)
        )


def _consents(tx: Tx, fact: Fact, member_id: str, consents: tuple[Consent, ...]) -> None:
    tx.executemany(
        "INSERT INTO member_consents (member_id, purpose, given, text, channel, at_ms, epoch, seq)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (member_id, purpose) DO UPDATE SET given = excluded.given,"
        " text = excluded.text, channel = excluded.channel, at_ms = excluded.at_ms, epoch = excluded.epoch, seq = excluded.seq",
        [
            (member_id, one.purpose, int(one.given), one.text, one.channel, fact.at_ms, fact.epoch, fact.seq)
            for one in consents
        ],
    )


def _post(
    tx: Tx, fact: Fact, post_id: str, kind: str, about: tuple[str, str, str, str], points: int, body: msgspec.Struct
) -> None:
    tx.execute(
        "INSERT INTO member_posts (post_id, kind, n, epoch, seq, day, at_ms, member_id, invite_id, by_what, ref, points, doc)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (post_id, kind, fact.n, fact.epoch, fact.seq, fact.day, fact.at_ms, *about, points,
         msgspec.json.encode(body).decode()),
    )  # fmt: skip


def _draw(tx: Tx, lots: tuple[SpentLot, ...], sign: int) -> None:
    tx.executemany(
        "INSERT INTO grant_draws (grant_id, lot_id, spent) VALUES (?, ?, ?) ON CONFLICT (grant_id, lot_id)"
        " DO UPDATE SET spent = spent + excluded.spent",
        [(lot.grant_id, lot.lot_id, sign * lot.qty) for lot in lots],
    )


HANDLERS = {
    MemberJoined: joined,
    MemberProfiled: profiled,
    MemberConsented: consented,
    MemberSeen: seen,
    MemberLeft: left,
    CardBound: card_bound,
    PointsEarned: earned,
    PointsSpent: spent,
    PointsReversed: reversed_,
    GrantReleased: released,
    InviteClaimed: claimed,
    ReferralBound: referred,
    SalePaid: sold,
}
