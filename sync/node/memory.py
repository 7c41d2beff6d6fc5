"""How the C library keeps freed memory: a long-lived process with many threads must give large blocks back."""

import contextlib
import ctypes

_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
LARGE_BLOCK_BYTES = 1 << 20
ARENAS_MAX = 2


def give_back_large_blocks() -> bool:
    """Let blocks of 1 MiB and more come straight from the kernel and return there when freed (glibc's mallopt(3)).

    By itself glibc raises that size to the largest block freed so far and then keeps such blocks in an arena of each
    thread: one sign-in takes 19 MB for Argon2id, so every web thread that ever checked a PIN would hold on to 19 MB.
    Two arenas serve all threads; under the interpreter's lock they hardly ever allocate at once.

    Returns:
        False where the C library has no such switch; nothing but memory is lost then.
    """
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        return bool(mallopt(_M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES)) and bool(mallopt(_M_ARENA_MAX, ARENAS_MAX))
    return False
