"""The one table of role and action, and which passwords a person may choose."""

import pytest

from cloud.domain import password_rules, roles
from cloud.domain.roles import PERSONS, Action, Role

# ux-security §10.5, the columns that exist at the hub, written down once more by hand: a change of the table is a
# change of this test. One letter a column: admin, marketer, finance, operations, viewer, program.
MATRIX = {
    Action.VIEW_STORES: "amfovp",
    Action.VIEW_SALES: "amfovp",
    Action.VIEW_PARKED: "aop",
    Action.VIEW_VERSIONS: "amop",
    Action.VIEW_AUDIT: "af",
    Action.RUN_VERIFY: "afop",
    Action.EXPORT: "afp",
    Action.RETRY_PARKED: "ao",
    Action.SEND_COMMANDS: "ao",
    Action.PUBLISH: "m",
    Action.ENROL_STORES: "a",
    Action.MANAGE_USERS: "a",
    Action.VIEW_MEMBERS: "amfo",
    Action.SERVE_MEMBERS: "ao",
    Action.SEE_GUESTS: "a",
    Action.LIVE_CODES: "amo",
}


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("role", Role)
def test_the_table_is_the_one_that_was_decided(role, action):
    assert roles.may(role, action) == (role.value[0] in MATRIX[action])


def test_a_role_that_is_not_in_the_table_may_nothing(monkeypatch):
    monkeypatch.delitem(roles.TABLE, Role.ADMIN)
    assert not any(roles.may(Role.ADMIN, action) for action in Action)
    assert roles.needs_second_factor(Role.ADMIN)


def test_every_role_that_changes_something_needs_a_second_factor():
    assert [role for role in PERSONS if not roles.needs_second_factor(role)] == [Role.VIEWER]


def test_programs_change_nothing_and_see_no_audit_log():
    changing = {Action.RETRY_PARKED, Action.SEND_COMMANDS, Action.PUBLISH, Action.ENROL_STORES, Action.MANAGE_USERS}
    assert roles.TABLE[Role.PROGRAM].isdisjoint(changing | {Action.VIEW_AUDIT})


@pytest.mark.parametrize(
    ("password", "fault"),
    [
        ("short", "password_short"),
        ("elevenchars", "password_short"),
        ("aaaaaaaaaaaaaaaa", "password_common"),
        ("abababababababab", "password_common"),
        ("Password1234", "password_common"),
        ("PASSWORD-2026!", "password_common"),
        ("passwordpassword", "password_common"),
        ("adminpassword", "password_common"),
        ("letmein-letmein", "password_common"),
        ("qwertyuiopas", "password_common"),
        ("poiuytrewqmn", "password_common"),
        ("123456789012", "password_common"),
        ("987654321098", "password_common"),
        ("1qaz2wsx3edc", "password_common"),
        ("woaini1314520", "password_common"),
        ("hunter2hunter2", "password_common"),
        ("wangxiaoming1", "password_name"),
        ("WangXiaoming!!", "password_name"),
        ("mei.chen-2026", "password_name"),
        ("x" * 257, "password_long"),
        ("teapot\x00lantern", "password_unreadable"),
        ("teapot\ud800lantern", "password_unreadable"),
        ("teapot lantern 47", None),
        ("correct horse battery staple", None),
        ("ABCDE-FGHJK-MNPQR-STVWX", None),
        ("茶壶灯笼石子路上四十七只鹤", None),
        ("wangxiaoming likes gravel in winter", None),
    ],
)
def test_a_password_is_long_uncommon_and_not_ones_own_name(password, fault):
    assert password_rules.fault(password, "mei.chen", "Wang Xiaoming") == fault
