"""Members whom a node knows: cards, digests, points of the past and grants, laid straight into its tables past the services."""

from pathlib import Path
from typing import Any

import msgspec

from edge import settings as edge_settings
from edge import wiring
from edge.db import members as node_members
from edge.services.members import desk, indexing, known
from edge.services.node import Node
from scripts.bench_guests import member_of, phone_of
from sync.contract.grants import Grant, GrantedLot
from sync.contract.member_cards import MemberCard, Profile
from sync.contract.members import PointsEarned
from sync.node import member_seal

POSTS_A_MEMBER = 3
"""Earnings behind a store for each of its members; of five, three are held by receipts."""
PROFILED = 200
"""So many members of the node have a name and a number that can be read; look-ups are for them."""
GRANTED = 50_000
"""Points of each member that are put aside for the store."""
GRANT_MS = 72 * 3_600_000
FAR_DAY = "2099-12-31"


def lay_members(config: Path, count: int) -> None:
    """Let a node that does not run know so many members, each with points that may be spent there."""
    node, db = wiring.open_node(edge_settings.load(config))
    try:
        fill_node(node, count)
        fill_grants(node, count)
    finally:
        node.members.close()
        db.close()


def fill_node(node: Node, count: int) -> None:
    """Let a node have so many cards; the first members have a name and a number that can be read with their keys."""
    stream, cards_of = known.cards_stream(node), []
    for number in range(count):
        member_id, sealed, key_id = member_of(number), "", ""
        if number < PROFILED:
            key = member_seal.make_key(node.chance)
            key_id = member_seal.key_id(key)
            sealed = member_seal.seal(Profile(name=f"王{number}", phone=phone_of(number)), member_id, key, node.chance)
            desk.keys_of(node).put(member_id, key_id, key)
        card = MemberCard(
            member_id=member_id,
            joined_day="2026-01-01",
            home_store="near",
            points=number % 5_000,
            # Facts of the past are counted; those of the run are not.
            booked_epoch=0,
            booked_seq=POSTS_A_MEMBER * count,
            key_id=key_id,
            sealed=sealed,
        )
        cards_of.append((stream, member_id, msgspec.json.encode(card)))

    def work(tx: Any) -> None:  # noqa: ANN401 - a transaction of the node
        tx.executemany("INSERT INTO stream_items (stream, key, value) VALUES (?, ?, ?)", cards_of)
        for number in range(count):
            node_members.index(tx, member_of(number), [(node_members.PHONE, indexing.by_phone(node, phone_of(number)))])

    node.db.write(work)


def fill_past(node: Node, members: int) -> None:
    """Lay what years of bills earned straight into the node's table: three of five are held by receipts, two are a member's."""
    rows = []
    for number in range(POSTS_A_MEMBER * members):
        own = member_of(number % members) if number % 5 > 2 else ""  # noqa: PLR2004 - two of five
        post_id = f"{number:032x}"
        invite_id = "" if own else f"{number:032x}"
        body = PointsEarned(
            post_id=post_id,
            idem=f"sale:{post_id}",
            by="sale",
            ref=f"sale:{post_id}",
            points=88,
            from_day="2026-01-01",
            last_day="2027-12-31",
            member_id=own,
            invite_id=invite_id,
            base_fen=8_800,
            multiplier_bp=10_000,
            rules=1,
        )
        doc = msgspec.json.encode(body).decode()
        rows.append((post_id, -number, 0, number, "2026-01-01", 0, own, invite_id, f"sale:{post_id}", 88, doc))
    node.db.write(
        lambda tx: tx.executemany(
            "INSERT INTO member_posts (post_id, kind, n, epoch, seq, day, at_ms, member_id, invite_id, by_what, ref, points, doc)"
            " VALUES (?, 'earned', ?, ?, ?, ?, ?, ?, ?, 'sale', ?, ?, ?)",
            rows,
        )
    )


def fill_grants(node: Node, count: int) -> None:
    """Put points of each member aside for the store."""
    assert node.granted is not None
    epoch, ends_ms, stream = node.granted.epoch, node.clock.now_ms() + GRANT_MS, known.grants_stream(node)
    grants = [
        Grant(
            grant_id=member_of(-1 - number),
            member_id=member_of(number),
            epoch=epoch,
            lots=(GrantedLot(lot_id=f"{number:032x}", qty=GRANTED, from_day="2026-01-01", last_day=FAR_DAY),),
            not_after_ms=ends_ms,
        )
        for number in range(count)
    ]

    def work(tx: Any) -> None:  # noqa: ANN401 - a transaction of the node
        for grant in grants:
            tx.execute(
                "INSERT INTO stream_items (stream, key, value) VALUES (?, ?, ?)",
                (stream, grant.grant_id, msgspec.json.encode(grant)),
            )
            node_members.own_grant(tx, grant)

    node.db.write(work)


def count_past(node: Node, count: int, place: tuple[int, int]) -> None:
    """Let the hub have counted everything up to a place of lane 0, as it has by the next morning."""
    stream = known.cards_stream(node)

    def work(tx: Any) -> None:  # noqa: ANN401 - a transaction of the node
        for number in range(count):
            card = node_members.card(tx, stream, member_of(number))
            assert card is not None
            later = msgspec.structs.replace(card, booked_epoch=place[0], booked_seq=place[1])
            tx.execute(
                "UPDATE stream_items SET value = ? WHERE stream = ? AND key = ?",
                (msgspec.json.encode(later), stream, card.member_id),
            )

    node.db.write(work)
