"""Logs: what a secret is called or looks like does not get into them."""

import json
import logging
import sys

import pytest

from sync.node.logs import SECRET_FIELDS, Columns, JsonLines, redact


def record(message: str = "event", **extra: object) -> logging.LogRecord:
    made = logging.LogRecord("zhanggui", logging.INFO, "f.py", 1, message, (), None)
    for name, value in extra.items():
        setattr(made, name, value)
    return made


def written(one: logging.LogRecord) -> str:
    """Both forms of a record, so that a test covers both."""
    return JsonLines().format(one) + Columns().format(one)


@pytest.mark.parametrize("field", sorted(SECRET_FIELDS))
def test_a_field_with_a_secrets_name_is_cut_out(field):
    assert "hush" not in written(record(**{field: "hush"}))
    assert "hush" not in written(record(**{field.upper(): "hush"}))


def test_a_secret_within_a_field_is_cut_out_too():
    said = written(record(request={"pin": "402817", "inner": [{"token": "hush"}], "till": "1"}))
    assert "402817" not in said
    assert "hush" not in said
    assert '"till": "1"' in said


def test_a_field_with_another_name_is_kept():
    """The negative control."""
    assert "402817" in written(record(till="402817"))


@pytest.mark.parametrize("digits", ["13800138000", "134567890123456789", "4111111111111111", "6222021234567890123"])
def test_telephone_numbers_payment_codes_and_cards_are_masked_wherever_they_stand(digits):
    said = written(
        record(f"paid with {digits}", note=f"code:{digits}.", deep=[f"x {digits}"], error=ValueError(digits))
    )
    assert digits not in said
    assert f"<{len(digits)} digits>" in said


@pytest.mark.parametrize("text", ["1234567890", "12345678901234567890", "01890a5dac96774bbcceb302099a8057", "￥123.45"])
def test_what_is_shorter_longer_or_hex_is_no_such_number(text):
    assert redact(text) == text


def test_a_stack_trace_is_masked():
    try:
        raise ValueError("4111111111111111")
    except ValueError:
        one = record()
        one.exc_info = sys.exc_info()
    assert "4111111111111111" not in written(one)
    assert "ValueError" in written(one)


def test_a_line_break_does_not_begin_a_new_record():
    line = JsonLines().format(record("a\nb", detail='x\n{"event": "forged"}'))
    assert "\n" not in line
    assert json.loads(line)["event"] == "a\nb"


def test_numbers_and_truths_stay_what_they_are():
    line = json.loads(JsonLines().format(record(count=3, done=True, nothing=None, share=0.5)))
    assert (line["count"], line["done"], line["nothing"], line["share"]) == (3, True, None, 0.5)
