"""Live codes as HQ told this store of them: stream state, nothing of the store's own."""

from sync.contract import live_codes
from sync.contract.facts import ContractError
from sync.contract.live_codes import LiveCode
from sync.node.database import Reader


def one(reader: Reader, stream: str, code_id: str) -> LiveCode | None:
    """Find a code; None for one that HQ did not tell of, or told in a way that only a newer version reads."""
    rows = reader.execute("SELECT value FROM stream_items WHERE stream = ? AND key = ?", (stream, code_id))
    return _read(rows[0][0]) if rows else None


def listed(reader: Reader, stream: str) -> list[LiveCode]:
    """List the codes that can be read."""
    rows = reader.execute("SELECT value FROM stream_items WHERE stream = ? ORDER BY key", (stream,))
    return [found for (raw,) in rows if (found := _read(raw)) is not None]


def _read(raw: bytes) -> LiveCode | None:
    try:
        return live_codes.read(bytes(raw))
    except ContractError:
        return None
