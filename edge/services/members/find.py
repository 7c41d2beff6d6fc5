"""Who is this? By phone, by its last four digits and a name, by a card or tag; the hub is asked where nobody is known here."""

import base64
import re
from typing import Final, Literal

from edge.db import members
from edge.domain import phone
from edge.services.members import asking, desk, indexing, known
from edge.services.node import Node
from sync.contract import member_asks, member_codes
from sync.contract.member_asks import Find, Found
from sync.contract.member_codes import Shown
from sync.engine.questions import TIMEOUT_S, Unknown
from sync.node import member_seal
from sync.node.database import Reader, Tx

TAIL: Final = re.compile(r"([0-9]{4})\s*(\D{0,20})")
MEMBER_ID: Final = re.compile(r"[0-9a-f]{32}")
CARD_CHARS: Final = range(4, 65)
By = Literal["phone", "code", "card", "name"]
CODE_OLD: Final = "code_old"
CODE_WRONG: Final = "code_wrong"
_SALT_BYTES = 16


class Result:
    """Who it may be. `asked` says what the hub said: `found`, `nobody`, `unknown` (no answer), empty where it was not asked.

    Of the code on a member's phone it says why that names nobody: `code_old`, where its time is over (or not here yet), `code_wrong`,
    where the member's key did not make it.
    """

    def __init__(self, member_ids: list[str], by: By, asked: str = "") -> None:
        self.member_ids = member_ids
        self.by = by
        self.asked = asked


def find(node: Node, text: str) -> Result | None:
    """Find by what was typed or scanned; None where it is none of what a member is found by."""
    said = text.strip()
    shown = member_codes.find(said)
    if shown is not None:
        return _by_code(node, said, shown)
    normal = phone.normal(said)
    if normal is not None:
        return _by_phone(node, normal)
    if (tail := TAIL.fullmatch(said)) is not None:
        digest = indexing.by_tail(node, tail[1], tail[2])
        with node.db.read() as reader:
            return Result(_alive(node, reader, members.found_by(reader, members.TAIL, digest)), "name")
    if MEMBER_ID.fullmatch(said) is not None:
        return _by_id(node, said)
    if len(said) in CARD_CHARS and said.isprintable():
        return by_card(node, said)
    return None


def here_by_phone(node: Node, reader: Reader, normal: str) -> str:
    """Say whose number it is, as far as this store knows; empty for nobody's."""
    found = _alive(node, reader, members.found_by(reader, members.PHONE, indexing.by_phone(node, normal)))
    return found[0] if found else ""


def ask_phone(node: Node, normal: str, timeout_s: float = TIMEOUT_S) -> str | None:
    """Ask the hub whose number it is: the member, empty for nobody's, None where it does not answer."""
    return _ask(node, Find(salt=_salt(node), phone=normal), timeout_s)


def _by_phone(node: Node, normal: str) -> Result:
    with node.db.read() as reader:
        here = here_by_phone(node, reader, normal)
    if here:
        return Result([here], "phone")
    return _asked(ask_phone(node, normal), "phone")


def _by_code(node: Node, said: str, shown: Shown) -> Result:
    """Find by the code on a member's phone: with the key that is here, and without a network; else the hub checks it."""
    if not member_codes.in_time(shown.step, node.clock.now_ms()):
        return Result([], "code", CODE_OLD)
    held = desk.keys_of(node).get(shown.member_id)
    if held is None:
        return _asked(_ask(node, Find(salt=_salt(node), code=said)), "code")
    if not member_seal.holds_code(held.key, shown):
        return Result([], "code", CODE_WRONG)
    with node.db.read() as reader:
        found = _alive(node, reader, [shown.member_id])
    return Result(found, "code") if found else _asked(_ask(node, Find(salt=_salt(node), code=said)), "code")


def _by_id(node: Node, member_id: str) -> Result:
    with node.db.read() as reader:
        found = _alive(node, reader, [member_id])
    if found:
        return Result(found, "code")
    return _asked(_ask(node, Find(salt=_salt(node), member_id=member_id)), "code")


def by_card(node: Node, text: str) -> Result:
    """Find by what a card or tag says."""
    token = indexing.by_card(node, text)
    if token is None:
        return Result([], "card", "unknown")
    with node.db.read() as reader:
        owner = members.token_owner(reader, token)
        found = _alive(node, reader, [owner] if owner else members.found_by(reader, members.TOKEN, token))
    if found:
        return Result(found, "card")
    return _asked(_ask(node, Find(salt=_salt(node), token=token)), "card")


def _asked(answer: str | None, by: By) -> Result:
    if answer is None:
        return Result([], by, "unknown")
    return Result([answer] if answer else [], by, "found" if answer else "nobody")


def _ask(node: Node, wanted: Find, timeout_s: float = TIMEOUT_S) -> str | None:
    answer = asking.ask(node, member_asks.FIND, wanted, Found, timeout_s=timeout_s)
    if isinstance(answer, Unknown | asking.Denied):
        return None
    card = answer.card
    if card is None:
        return ""
    if answer.key is not None:
        key = base64.b64decode(answer.key.key)
        desk.keys_of(node).put(answer.key.member_id, answer.key.key_id, key)

    def work(tx: Tx) -> str:
        if members.has_left(tx, card.member_id):
            return ""
        members.keep_answer(tx, known.cards_stream(node), card)
        for grant in answer.grants:
            members.keep_answer(tx, known.grants_stream(node), grant)
        indexing.index_again(node, tx, card.member_id)
        return card.member_id

    return node.db.write(work)


def _alive(node: Node, reader: Reader, member_ids: list[str]) -> list[str]:
    """Give who stands for these now, each once; whoever left is nobody."""
    found = (known.find(node, reader, one) for one in member_ids)
    return list(dict.fromkeys(one.member_id for one in found if one is not None))


def _salt(node: Node) -> str:
    return node.chance.token(_SALT_BYTES).hex()
