"""The rules of points as HQ's file: what it names changes, what does not hold is refused with a sentence, and stores hear of it."""

import pytest

from cloud.services.members import rule_file
from cloud.services.members.rule_file import BadRules
from sync.contract.points import Rules
from tests.hub.test_hub_member_desk import box, hub

__all__ = ["box", "hub"]

FILE = """
welcome = 88
spend_bill_bp = 10000
doubles = [{ multiplier_bp = 20000, weekdays = [3] }]
gifts = [{ gift_id = "tea", name = { zh = "茶叶一罐", en = "Tin of tea" }, points = 800, stock = 20 }]
"""


def asked(box, **request):
    return rule_file.answer(box.desk, {"command": "points", **request})


def test_a_file_changes_what_it_names_and_a_dry_run_writes_nothing(hub, box):
    box.begin()
    tried = asked(box, content=FILE, dry_run=True)
    assert (tried["ok"], tried["version"]) == (True, 1)
    assert [(one["rule"], one["was"]) for one in tried["changes"]] == [
        ("spend_bill_bp", 5_000),
        ("welcome", 50),
        ("doubles", []),
        ("gifts", []),
    ]
    assert box.desk.rules().version == 1
    done = asked(box, content=FILE)
    assert (done["version"], done["changes"]) == (2, tried["changes"])
    rules = box.desk.rules()
    assert (rules.version, rules.welcome, rules.sign_in, rules.gifts[0].gift_id) == (2, 88, Rules().sign_in, "tea")
    assert asked(box)["rules"]["welcome"] == 88
    again = asked(box, content=FILE)
    assert (again["version"], again["changes"]) == (2, []), "the same once more is no new version"


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ("welcome = ", "no TOML"),
        ("wellcome = 1", "unknown field `wellcome`"),
        ("welcome = -1", ">= 0"),
        ("version = 7", "counted by HQ"),
        ("doubles = [{ multiplier_bp = 20000 }]", "names no day"),
        ('doubles = [{ multiplier_bp = 20000, days = ["2026-02-30"] }]', "2026-02-30 is no day"),
        ("step_fen = 10001", "more than a guest spends"),
        (
            'gifts = [{ gift_id = "x", name = { zh = "菜", en = "Dish" }, points = 1, kind = "dish" }]',
            "name its dish_id",
        ),
        (
            'gifts = [{ gift_id = "x", name = { zh = "一", en = "1" }, points = 1 }, { gift_id = "x", name = { zh = "二", en = "2" }, points = 1 }]',
            "named twice",
        ),
    ],
    ids=["toml", "name", "below", "version", "no_day", "day", "too_good", "dish", "twice"],
)
def test_what_does_not_hold_is_refused_with_a_sentence_and_nothing_changes(hub, box, said, says):
    box.begin()
    with pytest.raises(BadRules, match=says):
        rule_file.read(said.encode(), Rules())
    answer = asked(box, content=said)
    assert answer["ok"] is False
    assert says in answer["error"]
    assert box.desk.rules().version == 1


def test_points_may_pay_as_much_as_was_spent_for_them_and_not_more():
    """The negative control of the one sum above."""
    assert rule_file.read(b"step_fen = 10000", Rules()).step_fen == 10_000
