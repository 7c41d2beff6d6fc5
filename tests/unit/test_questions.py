"""Online questions at the store: an answer, or unknown; never no, and never a second id."""

import threading

import pytest

from sync.contract.messages import Answer, Question
from sync.engine.questions import OPEN_MAX, Questions, Unknown
from tests.kit.waiting import PATIENCE_S, until

ID = b"0123456789abcdef"


def opened() -> Questions:
    questions = Questions()
    questions.link(is_open=True)
    return questions


def asked(
    questions: Questions, timeout_s: float = PATIENCE_S, question_id: bytes = ID
) -> tuple[threading.Thread, list[object]]:
    found: list[object] = []
    thread = threading.Thread(
        target=lambda: found.append(questions.ask("time", b"{}", question_id=question_id, timeout_s=timeout_s))
    )
    thread.start()
    return thread, found


def until_due(questions: Questions):
    found: list[Question] = []

    def due() -> bool:
        found[:] = questions.due()
        return bool(found)

    until(due, lambda: "nothing was asked")
    return found


def test_a_question_is_sent_once_and_its_answer_reaches_everybody_who_asks():
    questions = opened()
    one, first = asked(questions)
    (question,) = until_due(questions)
    two, second = asked(questions)
    assert questions.due() == []
    waiting = threading.Event()
    while questions._asking[ID].askers < 2:
        waiting.wait(0.01)
    questions.take(Answer(id=b"x" * 16, verdict="done"))
    questions.take(Answer(id=question.id, verdict="done", body=b"1"))
    one.join()
    two.join()
    assert first == second == [Answer(id=ID, verdict="done", body=b"1")]
    assert questions._asking == {}


def test_silence_is_unknown_and_asking_again_sends_again():
    questions = opened()

    def sent_in_time() -> bool:
        """Ask into the silence; who looks too late finds nothing to send any more."""
        thread, found = asked(questions, 0.1)
        sent: list[Question] = []
        while thread.is_alive() and not sent:
            sent = questions.due()
        thread.join()
        assert found == [Unknown(ID)]
        assert [question.id for question in sent] in ([], [ID])
        return bool(sent)

    for _ in range(2):
        until(sent_in_time)
    questions.take(Answer(id=ID, verdict="done"))


def test_without_a_session_it_is_unknown_at_once_and_nothing_is_sent_later():
    questions = Questions()
    assert questions.ask("time", b"{}", question_id=ID) == Unknown(ID)
    questions.link(is_open=True)
    assert questions.due() == []
    thread, found = asked(questions, 30)
    until_due(questions)
    questions.link(is_open=False)
    thread.join()
    assert found == [Unknown(ID)]


def test_what_cannot_travel_is_refused_and_too_many_wait_for_nobody():
    questions = opened()
    with pytest.raises(ValueError, match="16 bytes"):
        questions.ask("time", b"{}", question_id=b"short")
    with pytest.raises(ValueError, match="16384"):
        questions.ask("time", b"x" * 16_385, question_id=ID)
    threads = [asked(questions, PATIENCE_S, b"%016d" % number)[0] for number in range(OPEN_MAX)]
    waiting = threading.Event()
    while len(questions._asking) < OPEN_MAX:
        waiting.wait(0.01)
    assert questions.ask("time", b"{}", question_id=ID) == Unknown(ID)
    questions.link(is_open=False)
    for thread in threads:
        thread.join()
