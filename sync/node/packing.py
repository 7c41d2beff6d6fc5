"""Packs what is kept or carried in pieces: zstd, and never more out of it than was promised."""

import zstandard

from sync.contract.facts import ContractError

LEVEL = 3


def pack(plain: bytes) -> bytes:
    """Compress; the same bytes for the same bytes."""
    return zstandard.ZstdCompressor(level=LEVEL).compress(plain)


def unpack(packed: bytes, plain_bytes_max: int) -> bytes:
    """Decompress what `pack` made, within a bound.

    Raises:
        ContractError: `zip_bomb` when more than that is in it; `bad_compression` when it is no such thing.
    """
    try:
        size = zstandard.get_frame_parameters(packed).content_size
        # An unknown size would have to be trusted to the end of the stream: `pack` always states it.
        if size in (zstandard.CONTENTSIZE_UNKNOWN, zstandard.CONTENTSIZE_ERROR):
            raise ContractError("bad_compression")
        if size > plain_bytes_max:
            raise ContractError("zip_bomb")
        return zstandard.ZstdDecompressor().decompress(packed, max_output_size=plain_bytes_max)
    except zstandard.ZstdError as error:
        raise ContractError("bad_compression") from error
