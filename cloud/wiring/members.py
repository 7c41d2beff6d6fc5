"""Builds members: their keys beside the database, and the services over both."""

from collections.abc import Callable
from pathlib import Path

from cloud.db.engine import HubDatabase
from cloud.services import secrets
from cloud.services.members.booker import Booker
from cloud.services.members.hub import Members
from cloud.services.members.shared import Policy, Secrets, Shared
from cloud.settings import HubSettings
from sync.node import keys, member_keys
from sync.node.database import DatabaseError
from sync.node.keys import KeyFileError
from sync.node.member_keys import MemberKeys
from sync.node.ports import Chance, Clock


def build_members(
    settings: HubSettings,
    database: HubDatabase,
    identity: keys.Identity,
    *,
    clock: Clock,
    chance: Chance,
    on_stream: Callable[[], None] | None,
    on_change: Callable[[], None],
) -> Members:
    """Open the file of members' keys and build what works with them.

    Args:
        settings: the hub's settings.
        database: the hub's database.
        identity: the hub's keys: the file of members' keys is wrapped under one that comes from them.
        clock: the time.
        chance: the randomness of keys and ids.
        on_stream: called when a down stream got a new version.
        on_change: called when what screens show has changed.

    Raises:
        KeyFileError: the file of members' keys is damaged, with the way back.
    """
    told = settings.members
    path = settings.folder / member_keys.FILE
    try:
        held = MemberKeys(
            path,
            secrets.derived(identity, "member keys"),
            chance,
            Path(told.keys_copy) / member_keys.FILE if told.keys_copy else None,
        )
    except DatabaseError as error:
        raise KeyFileError(
            f"{path} is damaged, and nothing was changed. Move it aside and start again: what the copy in members.keys_copy "
            "holds comes back by itself. Without a copy no name and no phone number of a member can be read again; points, "
            "consents and the book are whole"
        ) from error
    try:
        shared = Shared(
            database,
            clock,
            chance,
            held,
            Secrets(*(secrets.derived(identity, f"member {name}") for name in ("phones", "tokens", "gifts"))),
            settings.zone,
            settings.cutoff_minutes,
            policy=Policy(member_max=told.grant_member_max, store_max=told.grant_store_max, alone_max=told.alone_max),
            on_stream=on_stream or (lambda: None),
            signer=identity,
        )
        return Members(shared, Booker(shared, on_change))
    except BaseException:
        held.close()
        raise
