"""The audit log: who did what, when, to what. `record` adds a row within the caller's own transaction.

Rows hang on one another (`cloud.domain.audit_chain`), so that a changed, removed, added or moved row shows; the hub
signs where the log stands (`cloud.services.audit_log`), so that a cut end or a chain computed anew shows too.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

from cloud.db import audit as rows
from cloud.db.engine import Tx
from cloud.domain import audit_chain
from cloud.domain.audit_chain import Entry

TEXT_CHARS_MAX = 200
_NAME = re.compile(r"[a-z][a-z0-9_.]{0,63}")
_SECRETS = frozenset({"password", "secret", "token", "code", "pin", "phone", "totp", "cookie"})
_NOTHING: Mapping[str, str | int] = MappingProxyType({})


def record(
    tx: Tx,
    *,
    at_ms: int,
    actor: str,
    action: str,
    target: str = "",
    detail: Mapping[str, str | int] = _NOTHING,
) -> None:
    """Add a row to the audit log; it stands or falls with the caller's transaction.

    It takes the log's lock until the commit: call it last, behind everything else that locks.

    Args:
        tx: the transaction of what is recorded.
        at_ms: wall ms of the hub.
        actor: an account's name, `cli`, `program`, `system`, or `store:<id>`.
        action: what was done, as `thing.done` in lower case, like `store.approved`.
        target: what it was done to: a name or an id, never a person's data.
        detail: the rest, in short values; `from` is the caller's address. Nothing secret, no personal data.

    Raises:
        ValueError: a name is malformed, or a detail is named like a secret.
    """
    if not _NAME.fullmatch(action) or not all(_NAME.fullmatch(name) for name in detail):
        raise ValueError(f"an audit row needs plain names: {action!r}, {sorted(detail)!r}")
    if secret := _SECRETS & set(detail):
        raise ValueError(f"the audit log keeps no secrets: leave {sorted(secret)} out")
    n, before = rows.locked_head(tx)
    entry = Entry(
        n + 1,
        at_ms,
        _plain(actor),
        action,
        _plain(target),
        audit_chain.canonical_detail({name: _value(value) for name, value in detail.items()}),
    )
    rows.append(tx, entry, audit_chain.link(before, entry))


def _value(value: str | int) -> str | int:
    return _plain(value) if isinstance(value, str) else value


def _plain(text: str) -> str:
    """Keep a row one line of bounded length, whatever a caller hands on, and only what every database can hold."""
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in text[:TEXT_CHARS_MAX])
