"""Online questions at the hub: done and answered in one transaction, and the same answer for ever (protocol §5.2, §5.13).

A store that heard nothing asks again under the same id, and is told what was done the first time. Only the store's own
(store, epoch, id) finds an answer, so one store cannot read another's.
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec

from cloud.db import commands as table
from cloud.db import stores
from cloud.db.commands import AnswerRow
from cloud.db.engine import Tx
from cloud.services.invites import Invites
from sync.contract import limits, member_asks
from sync.contract.facts import UNREADABLE, ContractError
from sync.contract.messages import Answer, Question
from sync.node.ports import Clock

DONE = "done"
REFUSED = "refused"
UNKNOWN_QUESTION = "unknown_question"
EXPIRED = "expired"
WAITING = "waiting"
"""Nothing is decided yet: told, and not kept, so that asked again it may be another answer. What was written stays."""
ID_BYTES = 16
TIME = "time"
INVITE_STATUS = "invite.status"


class Verdict(NamedTuple):
    """What a handler answers: `done` with its result, or `refused` with the reason, both as JSON."""

    verdict: str
    body: bytes


NOT_KEPT = member_asks.NOT_KEPT
"""Questions whose answers carry keys or say who somebody is: they are answered anew each time, and no table holds them."""

Handler = Callable[[Tx, str, int, bytes], Verdict]
"""Takes the transaction, store, epoch and body. What it writes stands or falls with the answer.

Raises:
    ContractError: the body is not of its shape.
"""


class Questions:
    """Answers questions by name. Called by the ingest's thread, inside its transaction."""

    def __init__(self, handlers: Mapping[str, Handler], clock: Clock) -> None:
        self._handlers = dict(handlers)
        self._clock = clock

    def __call__(self, tx: Tx, store: str, epoch: int, question: Question) -> Answer:
        """Answer a question; what was answered before is answered again.

        Raises:
            ContractError: an id or a body that no store of ours makes.
        """
        if len(question.id) != ID_BYTES or len(question.body) > limits.QUESTION_BYTES_MAX:
            raise ContractError("bad_body")
        digest = hashlib.sha256(question.name.encode() + b"\0" + question.body).digest()
        held = table.answer_of(tx, store, epoch, question.id)
        if held is not None:
            if held.digest != digest:
                return Answer(id=question.id, verdict=REFUSED, body=_reason("id_reused"))
            return Answer(id=question.id, verdict=held.verdict, body=held.body)
        found = stores.store_by_id(tx, store)
        if found is None or epoch < found.epoch:
            return Answer(id=question.id, verdict=REFUSED, body=_reason("fenced"))
        handler = self._handlers.get(question.name)
        if handler is None:
            # Not kept: nothing was done, and a hub that knows the name may come.
            return Answer(id=question.id, verdict=UNKNOWN_QUESTION)
        now_ms = self._clock.now_ms()
        if question.not_after_ms and now_ms > question.not_after_ms:
            verdict = Verdict(EXPIRED, b"")
        else:
            try:
                with tx.attempt():
                    verdict = handler(tx, store, epoch, question.body)
            except (ContractError, *UNREADABLE):
                verdict = Verdict(REFUSED, _reason("bad_body"))
        if question.name in NOT_KEPT:
            return Answer(id=question.id, verdict=verdict.verdict, body=verdict.body)
        if verdict.verdict == WAITING:
            return Answer(id=question.id, verdict=WAITING)
        row = AnswerRow(
            store, epoch, question.id, digest, verdict.verdict, verdict.body, now_ms, max(0, question.not_after_ms)
        )
        table.insert_answer(tx, row)
        return Answer(id=question.id, verdict=verdict.verdict, body=verdict.body)


def handlers(clock: Clock, invites: Invites) -> dict[str, Handler]:
    """Give the questions of this version."""

    def time_of_hub(_tx: Tx, _store: str, _epoch: int, _body: bytes) -> Verdict:
        return Verdict(DONE, msgspec.json.encode({"wall_ms": clock.now_ms()}))

    def invite_status(tx: Tx, _store: str, _epoch: int, body: bytes) -> Verdict:
        told = invites.judge(tx, msgspec.json.decode(body, type=_InviteText).text)
        return Verdict(DONE, msgspec.json.encode({"verdict": told.verdict, "reached_hub": told.reached_hub}))

    return {TIME: time_of_hub, INVITE_STATUS: invite_status}


class _InviteText(msgspec.Struct, frozen=True):
    text: str


def _reason(reason: str) -> bytes:
    return msgspec.json.encode({"reason": reason})
