"""Asks the hub about members. Silence is unknown, and the screen says what still works (protocol §5.13)."""

from typing import NamedTuple, TypeVar

import msgspec

from edge.services.node import Node
from sync.contract.facts import UNREADABLE
from sync.engine.questions import ID_BYTES, TIMEOUT_S, Unknown

T = TypeVar("T")


class Denied(NamedTuple):
    """The hub says no, and why."""

    reason: str


class _Reason(msgspec.Struct):
    reason: str = ""


def ask(
    node: Node,
    name: str,
    body: msgspec.Struct,
    kind: type[T],
    *,
    question_id: bytes = b"",
    timeout_s: float = TIMEOUT_S,
) -> T | Denied | Unknown:
    """Ask, and wait two seconds at most; not within a transaction.

    Args:
        question_id: 16 bytes; empty for a question that changes nothing, which is asked anew each time.
    """
    named = question_id or node.chance.token(ID_BYTES)
    answer = node.questions.ask(name, msgspec.json.encode(body), question_id=named, timeout_s=timeout_s)
    if isinstance(answer, Unknown):
        return answer
    try:
        if answer.verdict == "done":
            return msgspec.json.decode(answer.body, type=kind)
        if answer.verdict == "refused":
            return Denied(msgspec.json.decode(answer.body, type=_Reason).reason)
    except UNREADABLE:
        # A newer hub's answer says nothing to us: as good as none.
        return Unknown(named)
    return Denied(answer.verdict)
