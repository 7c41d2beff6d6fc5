"""Online questions at the hub: done once, answered alike for ever, each store for itself."""

import msgspec
import pytest

from cloud.services.questions import Questions, Verdict, handlers
from sync.contract import limits
from sync.contract.facts import ContractError
from sync.contract.messages import Answer, Question
from tests.kit.hub_store import HubKit


@pytest.fixture
def hub(tmp_path, hub_database):
    made = HubKit(hub_database, tmp_path)
    made.enrolled("s1")
    made.enrolled("s2", b"two")
    return made


class Counter:
    """A handler that does something each time it is called."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, _tx, _store, _epoch, body: bytes) -> Verdict:
        self.calls += 1
        if body == b"bad":
            raise ContractError("no such body")
        return Verdict("done", b"%d" % self.calls)


def ask(hub: HubKit, questions: Questions, question: Question, store: str = "s1", epoch: int = 1) -> Answer:
    with hub.database.write() as tx:
        return questions(tx, store, epoch, question)


def question(number: int = 1, body: bytes = b"{}", name: str = "count", not_after_ms: int = 0) -> Question:
    return Question(id=b"%016d" % number, name=name, body=body, not_after_ms=not_after_ms)


def test_the_same_question_is_done_once_and_answered_alike_for_ever(hub):
    counter = Counter()
    first = ask(hub, Questions({"count": counter}, hub.clock), question())
    hub.clock.advance(400 * 86_400_000)
    again = ask(hub, Questions({"count": counter}, hub.clock), question())
    assert first == again == Answer(id=b"%016d" % 1, verdict="done", body=b"1")
    assert counter.calls == 1


def test_another_store_or_epoch_never_sees_the_answer(hub):
    counter = Counter()
    questions = Questions({"count": counter}, hub.clock)
    assert ask(hub, questions, question()).body == b"1"
    assert ask(hub, questions, question(), store="s2").body == b"2"


def test_an_id_with_another_question_is_refused(hub):
    questions = Questions({"count": Counter()}, hub.clock)
    ask(hub, questions, question())
    other = ask(hub, questions, question(body=b"[]"))
    assert (other.verdict, other.body) == ("refused", b'{"reason":"id_reused"}')
    assert ask(hub, questions, question()).verdict == "done"


def test_what_is_too_late_is_not_done_and_stays_so(hub):
    counter = Counter()
    questions = Questions({"count": counter}, hub.clock)
    late = question(not_after_ms=hub.clock.now_ms() - 1)
    assert ask(hub, questions, late).verdict == "expired"
    hub.clock.step_wall(-60_000)
    assert ask(hub, questions, late).verdict == "expired"
    assert counter.calls == 0


def test_a_name_that_this_hub_does_not_know_may_be_known_to_the_next(hub):
    assert ask(hub, Questions({}, hub.clock), question()).verdict == "unknown_question"
    assert ask(hub, Questions({"count": Counter()}, hub.clock), question()).verdict == "done"


def test_a_body_that_its_handler_cannot_read_is_refused_and_a_huge_one_is_not_taken(hub):
    questions = Questions({"count": Counter(), **handlers(hub.clock, hub.invites)}, hub.clock)
    assert ask(hub, questions, question(body=b"bad")).verdict == "refused"
    assert ask(hub, questions, question(2, body=b"[1", name="invite.status")).verdict == "refused"
    for broken in (
        question(3, body=b"x" * (limits.QUESTION_BYTES_MAX + 1)),
        Question(id=b"short", name="count", body=b""),
    ):
        with pytest.raises(ContractError):
            ask(hub, questions, broken)


def test_a_replaced_epoch_has_no_right_to_ask(hub):
    hub.enrolled("s1", b"three")
    counter = Counter()
    answer = ask(hub, Questions({"count": counter}, hub.clock), question(), epoch=1)
    assert (answer.verdict, answer.body, counter.calls) == ("refused", b'{"reason":"fenced"}', 0)


def test_the_hub_tells_its_time_and_what_it_knows_of_an_invite(hub):
    questions = Questions(handlers(hub.clock, hub.invites), hub.clock)
    told = ask(hub, questions, question(name="time"))
    assert msgspec.json.decode(told.body) == {"wall_ms": hub.clock.now_ms()}
    body = msgspec.json.encode({"text": "no code"})
    status = ask(hub, questions, question(2, body=body, name="invite.status"))
    assert msgspec.json.decode(status.body) == {"verdict": "forged", "reached_hub": False}


def test_negative_control_a_hub_that_keeps_no_answer_does_it_twice(hub):
    class Forgetful(Questions):
        def __call__(self, tx, store, epoch, asked):
            return Answer(
                id=asked.id, verdict=(done := self._handlers[asked.name](tx, store, epoch, b""))[0], body=done[1]
            )

    counter = Counter()
    questions = Forgetful({"count": counter}, hub.clock)
    assert ask(hub, questions, question()) != ask(hub, questions, question())
