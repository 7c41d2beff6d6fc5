"""The code sheet: everything a node needs to enrol, as one line of text that fits a QR code.

`zhanggui1?hub=…&store=…&code=…&ca=…`: the hub's address, the store, the one-time code, and the SHA-256 of the CA's
certificate, which lets the node know the hub before it says anything to it.
"""

import io
from urllib.parse import urlencode

import segno

SCHEME = "zhanggui1"


def text(*, hub: str, store: str, code: str, ca: str) -> str:
    """Write a sheet's line."""
    return f"{SCHEME}?{urlencode({'hub': hub, 'store': store, 'code': code, 'ca': ca}, safe=':/')}"


def png(line: str, scale: int = 6) -> bytes:
    """Draw a sheet's line."""
    drawn = io.BytesIO()
    segno.make_qr(line, error="m").save(drawn, kind="png", scale=scale, border=4)
    return drawn.getvalue()


def data_uri(line: str) -> str:
    """Draw a sheet's line for a page."""
    uri: str = segno.make_qr(line, error="m").png_data_uri(scale=5, border=4)
    return uri
