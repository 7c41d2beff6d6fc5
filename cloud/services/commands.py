"""HQ tells a store to do something, or how to be: steps of the store's own streams (protocol §5.7).

A command has an id, an end and perhaps a condition; the store does it once, in the transaction that also writes the fact of
its result, and says so too when it came too late. Nothing here waits for that: the result is read when it has arrived.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from cloud.db import commands as table
from cloud.db import stores
from cloud.db.commands import CommandRow
from cloud.db.engine import HubDatabase, Tx
from cloud.services import audit, streams
from sync.contract import steering
from sync.contract import streams as contract
from sync.contract.steering import Command, Precondition
from sync.node.ports import Chance, Clock, IdSource

LIFE_MS = 24 * 3_600_000
LIFE_MS_MIN = 1_000
COMMANDS_SHOWN_MAX = 50
KEY_CHARS_MAX = 48


class BadCommand(ValueError):
    """The command cannot be given; the sentence says why and what to do."""


class CommandView(msgspec.Struct, frozen=True, kw_only=True):
    """A command and what became of it: `waiting`, `expired` (nobody said so yet), or what the store said."""

    id: str
    name: str
    args: str
    made_ms: int
    expires_ms: int
    made_by: str
    outcome: str
    reason: str
    result: str
    settled_ms: int | None


class Orders:
    """Gives commands and settings to stores. Any thread may use it."""

    def __init__(
        self, database: HubDatabase, *, clock: Clock, chance: Chance, on_stream: Callable[[], None] | None = None
    ) -> None:
        self._database = database
        self._clock = clock
        self._ids = IdSource(clock, chance)
        self._on_stream = on_stream or (lambda: None)

    def give(
        self,
        store: str,
        name: str,
        args: dict[str, Any],
        *,
        life_ms: int = LIFE_MS,
        precondition: Precondition | None = None,
        by: str = "cli",
    ) -> str:
        """Give a store a command.

        Args:
            store: for whom.
            name: what to do (`sync.contract.steering.COMMAND_NAMES`).
            args: its arguments.
            life_ms: after this long it must not be done any more.
            precondition: what must hold at the store.
            by: who gives it, for the audit log.

        Returns:
            The command's id.

        Raises:
            BadCommand: no such store or command, or arguments that do not fit.
        """
        mistake = steering.argument_mistake(name, args)
        if mistake is None and not LIFE_MS_MIN <= life_ms <= steering.COMMAND_LIFE_MS_MAX:
            mistake = f"a command lives 1 second to {steering.COMMAND_LIFE_MS_MAX // 86_400_000} days"
        if mistake is not None:
            raise BadCommand(mistake)
        now_ms, command_id = self._clock.now_ms(), self._ids.uuid7().hex()
        command = Command(
            id=command_id,
            name=name,
            args=args,
            made_ms=now_ms,
            expires_ms=now_ms + life_ms,
            precondition=precondition or Precondition(),
        )
        with self._database.write() as tx:
            _insist_on_store(tx, store)
            stream = contract.own(contract.COMMANDS, store)
            streams.append(tx, stream, op="put", key=command_id, value=msgspec.json.encode(command))
            text = msgspec.json.encode(args).decode()
            table.insert_command(tx, CommandRow(command_id, store, name, text, now_ms, command.expires_ms, by))
            audit.record(tx, at_ms=now_ms, actor=by, action="command.given", target=store, detail={"name": name})
        self._on_stream()
        return command_id

    def set(self, key: str, value: object, *, store: str = "", by: str = "cli") -> str:
        """Set a setting for all stores, or for one; None takes it away again. One that is not known is passed on as it is.

        Returns:
            The stream that says so now.

        Raises:
            BadCommand: a key or value that cannot be used, or no such store.
        """
        if not key.isidentifier() or len(key) > KEY_CHARS_MAX:
            raise BadCommand(f"{key!r} is no setting; known are {', '.join(steering.SETTINGS)}")
        mistake = None if value is None else steering.setting_mistake(key, value)
        if mistake is not None:
            raise BadCommand(mistake)
        stream = contract.own(contract.CONFIG, store) if store else contract.CONFIG
        with self._database.write() as tx:
            if store:
                _insist_on_store(tx, store)
            raw = b"" if value is None else msgspec.json.encode(value)
            streams.append(tx, stream, op="remove" if value is None else "put", key=key, value=raw)
            audit.record(
                tx, at_ms=self._clock.now_ms(), actor=by, action="setting.changed", target=stream, detail={"key": key}
            )
        self._on_stream()
        return stream

    def of_store(self, store: str) -> list[CommandView]:
        """List the newest commands to a store, and what became of each."""
        now_ms = self._clock.now_ms()
        with self._database.read() as reader:
            given = table.commands_of(reader, store, COMMANDS_SHOWN_MAX)
            results = table.results_of(reader, store, [row.command_id for row in given])
        found: list[CommandView] = []
        for row in given:
            result = results.get(row.command_id)
            open_as = "expired" if row.expires_ms <= now_ms else "waiting"
            found.append(
                CommandView(
                    id=row.command_id,
                    name=row.name,
                    args=row.args,
                    made_ms=row.made_ms,
                    expires_ms=row.expires_ms,
                    made_by=row.made_by,
                    outcome=open_as if result is None else result.outcome,
                    reason="" if result is None else result.reason,
                    result="" if result is None else result.result,
                    settled_ms=None if result is None else result.at_ms,
                )
            )
        return found


def _insist_on_store(tx: Tx, store: str) -> None:
    if stores.store_by_id(tx, store) is None:
        raise BadCommand(f"there is no store {store!r}; name it as `enrol-store` made it")
