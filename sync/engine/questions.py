"""Online questions at the store's end: asked with an id, answered within seconds or *unknown* (protocol §5.2 `rq`, `rs`).

Silence is never *no*: the hub may have done what was asked. Whoever needs to know asks again under the same id, and is told
what the first asking was told. The id is the caller's, who keeps it before asking where it matters.
"""

import threading
from dataclasses import dataclass

from sync.contract import limits
from sync.contract.messages import Answer, Question

TIMEOUT_S = 2.0
ID_BYTES = 16
OPEN_MAX = 256
"""Questions that may wait at once; one more is unknown at once."""


@dataclass(frozen=True)
class Unknown:
    """No answer came. It may have been done or not: ask again under this very id."""

    id: bytes


@dataclass
class _Asking:
    question: Question
    askers: int = 0
    sent: bool = False
    answer: Answer | None = None


class Questions:
    """Joins threads that ask with the link's one thread. `ask` is for any thread; `due`, `take` and `link` for the link's."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._asking: dict[bytes, _Asking] = {}
        self._open = False

    def ask(
        self, name: str, body: bytes, *, question_id: bytes, timeout_s: float = TIMEOUT_S, not_after_ms: int = 0
    ) -> Answer | Unknown:
        """Ask the hub, and wait.

        Args:
            name: who answers at the hub.
            body: JSON of that name's own shape.
            question_id: 16 bytes, the same whenever this question is asked again.
            timeout_s: how long to wait.
            not_after_ms: the hub's wall time after which it must not be done any more; 0 = none.

        Returns:
            The hub's answer, or `Unknown`: nothing came in time, or there is no session.

        Raises:
            ValueError: the id or the body cannot travel.
        """
        if len(question_id) != ID_BYTES or len(body) > limits.QUESTION_BYTES_MAX:
            raise ValueError(
                f"a question has an id of {ID_BYTES} bytes and a body of {limits.QUESTION_BYTES_MAX} at most"
            )
        with self._condition:
            if not self._open or (question_id not in self._asking and len(self._asking) >= OPEN_MAX):
                return Unknown(question_id)
            question = Question(id=question_id, name=name, body=body, not_after_ms=not_after_ms)
            asking = self._asking.setdefault(question_id, _Asking(question))
            asking.askers += 1
            try:
                self._condition.wait_for(lambda: asking.answer is not None or not self._open, timeout_s)
            finally:
                asking.askers -= 1
                if not asking.askers:
                    self._asking.pop(question_id, None)
            return asking.answer or Unknown(question_id)

    def link(self, *, is_open: bool) -> None:
        """Say whether there is a session. Without one nothing is asked, and who waits is told at once that it is unknown."""
        with self._condition:
            self._open = is_open
            if not is_open:
                self._condition.notify_all()

    def due(self) -> list[Question]:
        """Give the questions that were not sent yet; each is given once for each time somebody begins to ask it."""
        with self._condition:
            unsent = [asking for asking in self._asking.values() if not asking.sent]
            for asking in unsent:
                asking.sent = True
            return [asking.question for asking in unsent]

    def take(self, answer: Answer) -> None:
        """An answer came; one that nobody waits for any more is dropped: who asks again is told the same."""
        with self._condition:
            asking = self._asking.get(answer.id)
            if asking is not None:
                asking.answer = answer
                self._condition.notify_all()
