"""Who may do what at the hub: one table of role and action, from which checks, menus and the test matrix are made.

What is not in the table is refused (ux-security §10.5, the columns that exist at the hub).
"""

import enum
import re


class Action(enum.StrEnum):
    """Something that a person or a program does at the hub."""

    VIEW_STORES = "view_stores"
    VIEW_SALES = "view_sales"
    VIEW_PARKED = "view_parked"
    VIEW_VERSIONS = "view_versions"
    VIEW_AUDIT = "view_audit"
    RUN_VERIFY = "run_verify"
    EXPORT = "export"
    RETRY_PARKED = "retry_parked"
    SEND_COMMANDS = "send_commands"
    PUBLISH = "publish"
    ENROL_STORES = "enrol_stores"
    MANAGE_USERS = "manage_users"
    VIEW_MEMBERS = "view_members"
    SERVE_MEMBERS = "serve_members"
    SEE_GUESTS = "see_guests"
    LIVE_CODES = "live_codes"


class Role(enum.StrEnum):
    """What a person is at head office; `PROGRAM` is whoever shows the token for programs."""

    ADMIN = "admin"
    MARKETER = "marketer"
    FINANCE = "finance"
    OPERATIONS = "operations"
    VIEWER = "viewer"
    PROGRAM = "program"


ACCOUNT = re.compile(r"[a-z][a-z0-9._-]{1,31}")
"""What one signs in with."""

PERSONS = (Role.ADMIN, Role.MARKETER, Role.FINANCE, Role.OPERATIONS, Role.VIEWER)
"""The roles that a person can have."""

_VIEW = frozenset({Action.VIEW_STORES, Action.VIEW_SALES})

TABLE: dict[Role, frozenset[Action]] = {
    # Sees the trade, but publishes no price: who hands out roles does not set what guests pay.
    Role.ADMIN: _VIEW
    | {
        Action.VIEW_PARKED,
        Action.VIEW_VERSIONS,
        Action.VIEW_AUDIT,
        Action.RUN_VERIFY,
        Action.EXPORT,
        Action.RETRY_PARKED,
        Action.SEND_COMMANDS,
        Action.ENROL_STORES,
        Action.MANAGE_USERS,
        Action.VIEW_MEMBERS,
        Action.SERVE_MEMBERS,
        Action.SEE_GUESTS,
        Action.LIVE_CODES,
    },
    Role.MARKETER: _VIEW | {Action.VIEW_VERSIONS, Action.PUBLISH, Action.VIEW_MEMBERS, Action.LIVE_CODES},
    Role.FINANCE: _VIEW | {Action.VIEW_AUDIT, Action.RUN_VERIFY, Action.EXPORT, Action.VIEW_MEMBERS},
    Role.OPERATIONS: _VIEW
    | {
        Action.VIEW_MEMBERS,
        Action.SERVE_MEMBERS,
        Action.LIVE_CODES,
        Action.VIEW_PARKED,
        Action.VIEW_VERSIONS,
        Action.RUN_VERIFY,
        Action.RETRY_PARKED,
        Action.SEND_COMMANDS,
    },
    Role.VIEWER: _VIEW,
    Role.PROGRAM: _VIEW | {Action.VIEW_PARKED, Action.VIEW_VERSIONS, Action.RUN_VERIFY, Action.EXPORT},
}
"""`SEE_GUESTS` is an admin's: a guest's data in clear, out as a file or gone for good; each time with a reason, in the audit log."""

SECOND_FACTOR = frozenset(
    {
        Action.VIEW_AUDIT,
        Action.EXPORT,
        Action.RETRY_PARKED,
        Action.SEND_COMMANDS,
        Action.PUBLISH,
        Action.ENROL_STORES,
        Action.MANAGE_USERS,
        Action.SERVE_MEMBERS,
        Action.SEE_GUESTS,
        Action.LIVE_CODES,
    }
)
"""What changes something or takes much away: a role with one of these needs a second factor (ux-security §10.4)."""

FRESH = frozenset({Action.ENROL_STORES, Action.MANAGE_USERS})
"""Roles, users, keys, revocation: asked for again when the last sign-in is older than five minutes."""


def may(role: Role, action: Action) -> bool:
    """Say whether a role may do something."""
    return action in TABLE.get(role, frozenset())


def needs_second_factor(role: Role) -> bool:
    """Say whether a role signs in with a second factor."""
    return not TABLE.get(role, SECOND_FACTOR).isdisjoint(SECOND_FACTOR)
