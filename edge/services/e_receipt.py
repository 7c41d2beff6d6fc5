"""The receipt without paper: an address at HQ that a guest scans off the till's screen."""

import msgspec

from edge.db import sales
from edge.domain.refusal import Refused
from edge.services.node import Node
from sync.contract import receipts


class EReceipt(msgspec.Struct, frozen=True):
    """Where a guest finds the receipt, and the QR code of that address: rows of `0` and `1`, quiet zone left out."""

    url: str
    qr: tuple[str, ...]


def e_receipt(node: Node, sale_id: str) -> EReceipt | Refused:
    """Make the address of a sale's receipt; the page is there as soon as the sale has reached HQ."""
    import segno  # noqa: PLC0415 - 20 ms of import for a code that most sales never show

    grant = node.enrolment
    with node.db.read() as reader:
        if grant is None or sales.by_id(reader, sale_id) is None:
            return Refused("not_found")
    url = receipts.url(grant.public_url, grant.store, sale_id)
    matrix = segno.make_qr(url, error="m", boost_error=False).matrix
    return EReceipt(url, tuple("".join("1" if dark else "0" for dark in row) for row in matrix))
