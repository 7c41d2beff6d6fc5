"""Down streams: versioned logs with a running checksum, the same arithmetic on both sides (protocol §5.7)."""

import hashlib

from sync.contract.messages import Operation, StreamBatch


def checksum_start(stream: str) -> bytes:
    """Give the checksum of an empty stream."""
    return hashlib.sha256(f"rs1-stream|{stream}".encode()).digest()


def checksum_next(before: bytes, operation: Operation) -> bytes:
    """Take one operation into the running checksum; every field counts."""
    head = f"{operation.version}|{operation.op}|{len(operation.key)}|{operation.key}|".encode()
    return hashlib.sha256(before + head + operation.value).digest()


def checksum_after(before: bytes, batch: StreamBatch) -> bytes | None:
    """Follow a batch from the checksum before it.

    Returns:
        The checksum behind it, or None when versions have a hole or the batch's own checksum differs:
        then the receiver throws its copy away and pulls from the start.
    """
    checksum = before
    version = batch.after
    for operation in batch.operations:
        if operation.version != version + 1:
            return None
        version = operation.version
        checksum = checksum_next(checksum, operation)
    return checksum if checksum == batch.checksum else None
