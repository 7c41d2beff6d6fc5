"""The address of a receipt on a guest's phone: what the till shows as a QR and the hub answers.

The sale's id is the key: a UUIDv7 whose 74 random bits the till drew, which nobody can guess and no list of guests shows.
"""


def url(base_url: str, store: str, sale_id: str) -> str:
    """Write the address, in upper case for the QR's alphanumeric mode.

    Args:
        sale_id: 32 hex digits.
    """
    return f"{base_url.rstrip('/')}/R/{store}/{sale_id}".upper()
