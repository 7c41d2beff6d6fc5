"""What a node does for its members by itself: keys handed in and asked for, the index kept, grants given back, the forgotten forgotten.

Everything here may be done again and changes nothing then; what the hub does not answer is done the next time.
"""

import base64
from functools import partial
from typing import NamedTuple

from edge.db import members
from edge.services.deeds import Deed, standing
from edge.services.members import asking, changes, desk, indexing, known
from edge.services.node import Node
from sync.contract import grants, member_asks
from sync.contract import members as contract
from sync.contract.grants import Grant
from sync.contract.member_asks import KEYS_MAX, AskIndexKey, AskKeys, GiveKey, IndexKey, Keys, MemberKey, Taken
from sync.contract.members import GrantReleased
from sync.engine.questions import Unknown
from sync.node.database import Tx

BATCH = 100
"""So many are indexed in one transaction: a sale that waits for the writer does not notice."""
FORGOTTEN = "forgotten"
OTHER_KEY = "other_key"


class Cared(NamedTuple):
    """What was done."""

    forgotten: int = 0
    handed_in: int = 0
    indexed: int = 0
    released: int = 0


def care(node: Node) -> Cared:
    """Do all of it once. Called by one thread, beside the link's."""
    if node.training:
        return Cared()
    return Cared(
        forgotten=changes.forget_wanted(node),
        handed_in=hand_in_keys(node),
        indexed=_index_keys(node) + look_at_wanted(node),
        released=release(node),
    )


def hand_in_keys(node: Node) -> int:
    """Give the hub the keys of those who joined here, each by its own question until it is answered."""
    keys, done = desk.keys_of(node), 0
    for member_id, question_id in keys.owed():
        held = keys.get(member_id)
        if held is None:
            keys.settled(member_id)
            continue
        with node.db.read() as reader:
            if members.joined_here(reader, member_id) is None:
                # The join is not committed (yet): the hub need not hear of a key that may be nobody's.
                continue
        given = MemberKey(member_id=member_id, key_id=held.key_id, key=base64.b64encode(held.key).decode("ascii"))
        answer = asking.ask(node, member_asks.KEY, GiveKey(key=given), Taken, question_id=question_id)
        if isinstance(answer, Unknown):
            break
        if isinstance(answer, asking.Denied) and answer.reason == FORGOTTEN:
            _forget(node, member_id)
        elif isinstance(answer, asking.Denied) and answer.reason != OTHER_KEY:
            # A hub that cannot take it yet is asked again.
            continue
        keys.settled(member_id)
        done += 1
    return done


def look_at_wanted(node: Node) -> int:
    """Index whoever's card came down, with the key that opens it; gives how many."""
    done = 0
    while True:
        with node.db.read() as reader:
            wanted = members.wanted(reader, members.LOOK, BATCH)
        looked = _look(node, wanted) if wanted else 0
        done += looked
        if looked < BATCH:
            return done


def _look(node: Node, wanted: list[str]) -> int:
    with node.db.read() as reader:
        cards = {one: members.card(reader, known.cards_stream(node), one) for one in wanted}
        own = {one for one in wanted if members.joined_here(reader, one) is not None}
    keys = desk.keys_of(node)
    # Without a card nobody knows whether the hub forgot them, or was set back to before it knew them: it is asked.
    sealed = [one for one, card in cards.items() if (card is not None and card.sealed) or (card is None and one in own)]
    asked = keys.missing(sealed) + [one for one in own if cards[one] is None and keys.get(one) is not None]
    unknown = _ask_keys(node, asked)
    looked = [one for one in wanted if one not in unknown]

    def work(tx: Tx) -> None:
        for one in looked:
            indexing.index_again(node, tx, one)
            members.settled(tx, one, members.LOOK)

    node.db.write(work)
    return len(looked)


def look_at_all(node: Node) -> None:
    """Have everybody looked at whose key is not here: by night, since the hub may have got it meanwhile."""
    if node.training:
        return
    keys = desk.keys_of(node)
    settled = {*keys.held(), *keys.forgotten()}
    with node.db.read() as reader:
        sealed = [one for one in members.sealed_here(reader, known.cards_stream(node)) if one not in settled]
    for at in range(0, len(sealed), BATCH):
        node.db.write(partial(_want, node, sealed[at : at + BATCH]))


def release(node: Node) -> int:
    """Give back what the hub asks for and what has ended: from the fact on this store spends none of it."""
    if standing(node, vital=True) is not None:
        return 0
    place = node.place()
    with node.db.read() as reader:
        now_ms = known.spend_ms(node, reader)
        due = [
            grant
            for grant in members.grants_due(reader, known.grants_stream(node), place.epoch, now_ms)
            if not grants.may_spend(grant, place.epoch, now_ms)
        ]

    def work(tx: Tx, grant: Grant) -> bool:
        if members.is_released(tx, grant.grant_id):
            return False
        rest = sum(lot.left for lot in grants.rest(grant, members.spent_of(tx, grant.grant_id)))
        Deed(node, tx, place, None).write(
            contract.GRANT_RELEASED, GrantReleased(grant_id=grant.grant_id, rest=max(0, rest))
        )
        return True

    done = sum(node.db.write(partial(work, grant=grant)) for grant in due)
    if done:
        node.committed.notify()
    return done


def _index_keys(node: Node) -> int:
    """Ask for the keys of the index where they are not here, and index everybody anew by them."""
    keys = desk.keys_of(node)
    if keys.secret(desk.HUB_PHONE) is not None:
        return 0
    answer = asking.ask(node, member_asks.INDEX_KEY, AskIndexKey(), IndexKey)
    if not isinstance(answer, IndexKey):
        return 0
    keys.put_secret(desk.HUB_TOKEN, base64.b64decode(answer.token))
    keys.put_secret(desk.HUB_PHONE, base64.b64decode(answer.phone))
    with node.db.read() as reader:
        everybody = sorted({*members.indexed(reader), *members.everybody_here(reader)})
    for at in range(0, len(everybody), BATCH):
        node.db.write(partial(_index, node, everybody[at : at + BATCH]))
    return len(everybody)


def _ask_keys(node: Node, member_ids: list[str]) -> set[str]:
    """Ask the hub for keys; gives those of whom it did not say anything, because it did not answer."""
    keys = desk.keys_of(node)
    unknown: set[str] = set()
    for at in range(0, len(member_ids), KEYS_MAX):
        wanted = tuple(member_ids[at : at + KEYS_MAX])
        answer = asking.ask(node, member_asks.KEYS, AskKeys(member_ids=wanted), Keys)
        if not isinstance(answer, Keys):
            # Nobody answers: the rest waits for the next time.
            return unknown | set(member_ids[at:])
        for told in answer.keys:
            keys.put(told.member_id, told.key_id, base64.b64decode(told.key))
        for one in answer.forgotten:
            _forget(node, one)
    return unknown


def _forget(node: Node, member_id: str) -> None:
    desk.keys_of(node).forget(member_id, node.clock.now_ms())
    node.db.write(partial(members.gone, member_id=member_id, what=members.LOOK))


def _want(node: Node, member_ids: list[str], tx: Tx) -> None:
    for one in member_ids:
        # A card that went meanwhile is to be let go of, and stays so.
        if members.card(tx, known.cards_stream(node), one) is not None:
            members.want(tx, one, members.LOOK)


def _index(node: Node, member_ids: list[str], tx: Tx) -> None:
    for one in member_ids:
        indexing.index_again(node, tx, one)
