"""The address of a receipt on a guest's phone: what the till shows as a QR and the hub answers.

The sale's id is the key: a UUIDv7 whose 74 random bits the till drew, which nobody can guess and no list of guests shows.
"""

import re

_PATH = re.compile(r"(?i:/R/([a-z0-9-]{1,32})/)([0-9A-Fa-f]{32})")


def url(base_url: str, store: str, sale_id: str) -> str:
    """Write the address, in upper case for the QR's alphanumeric mode.

    Args:
        sale_id: 32 hex digits.
    """
    return f"{base_url.rstrip('/')}/R/{store}/{sale_id}".upper()


def find(text: str) -> str | None:
    """Find the sale's id (32 lower-case hex digits) at the end of an address of ours; None when there is none."""
    named = place(text)
    return None if named is None else named[1]


def place(text: str) -> tuple[str, str] | None:
    """Find the store and the sale's id at the end of an address of ours; None when there are none."""
    found = _PATH.search(text)
    return (found[1].lower(), found[2].lower()) if found is not None and found.end() == len(text) else None
