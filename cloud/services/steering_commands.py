"""The commands of `zhanggui-hub` that steer stores: publish, give a command, set a setting."""

import base64
import binascii
from typing import Any

import msgspec

from cloud.services import publish
from cloud.services.commands import LIFE_MS, BadCommand
from cloud.services.hub import Hub
from cloud.services.publish import Order
from sync.contract.sheets import File
from sync.contract.steering import Precondition


class _Publish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    command: str
    what: str
    name: str = ""
    content: str = ""
    version: int = 0
    effective_from: str = publish.NOW
    stores: tuple[str, ...] = ()
    dry_run: bool = False
    allow_big_changes: bool = False
    allow_free: bool = False


class _Give(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    command: str
    store: str
    name: str
    args: dict[str, Any]
    life_ms: int = LIFE_MS
    precondition: Precondition = Precondition()


class _Set(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    command: str
    key: str
    value: Any = None
    store: str = ""


def answer(hub: Hub, request: dict[str, Any]) -> dict[str, Any]:
    """Carry out one of the commands; a mistake is an answer, not an exception."""
    try:
        match request.get("command"):
            case "publish":
                return _publish(hub, msgspec.convert(request, _Publish))
            case "command":
                asked = msgspec.convert(request, _Give)
                given = hub.orders.give(
                    asked.store, asked.name, asked.args, life_ms=asked.life_ms, precondition=asked.precondition
                )
                return {"ok": True, "store": asked.store, "id": given}
            case _:
                wanted = msgspec.convert(request, _Set)
                stream = hub.orders.set(wanted.key, wanted.value, store=wanted.store)
                return {"ok": True, "stream": stream, "key": wanted.key}
    except (BadCommand, msgspec.ValidationError) as error:
        return {"ok": False, "error": str(error)}


def _publish(hub: Hub, asked: _Publish) -> dict[str, Any]:
    try:
        raw = base64.b64decode(asked.content, validate=True)
    except binascii.Error:
        return {"ok": False, "error": "the file did not come whole; try again"}
    order = Order(
        what=asked.what,
        file=None if asked.version else File(asked.name, raw),
        version=asked.version,
        effective_from=asked.effective_from,
        stores=asked.stores,
        dry_run=asked.dry_run,
        allow_big_changes=asked.allow_big_changes,
        allow_free=asked.allow_free,
    )
    outcome = hub.publisher.publish(order)
    told: dict[str, Any] = {**msgspec.to_builtins(outcome), "text": publish.as_text(outcome)}
    return told if outcome.ok else {**told, "error": told["text"]}
