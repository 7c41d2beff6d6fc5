"""What a guest scans off the till's screen: the address of the receipt at HQ, and where an invoice (发票) is asked for."""

import msgspec

from edge.domain.refusal import Refused
from edge.receipts import bill_parts
from edge.services.money import read_sales
from edge.services.node import Node
from sync.contract import receipts


class EReceipt(msgspec.Struct, frozen=True):
    """Where a guest finds the receipt, and the QR code of that address: rows of `0` and `1`, quiet zone left out.

    `fapiao_url` and `fapiao_qr` are those of the invoice; empty where the house names no address for it.
    """

    url: str
    qr: tuple[str, ...]
    fapiao_url: str = ""
    fapiao_qr: tuple[str, ...] = ()


def e_receipt(node: Node, sale_id: str) -> EReceipt | Refused:
    """Make the address of a sale's receipt; the page is there as soon as the sale has reached HQ."""
    grant, found = node.enrolment, read_sales.one(node, sale_id)
    if grant is None or found is None:
        return Refused("not_found")
    url, sale = receipts.url(grant.public_url, grant.store, sale_id), found[0]
    if not node.house.fapiao_url:
        return EReceipt(url, _qr(url))
    placed = (grant.store, sale.business_day)
    fapiao_url = bill_parts.fapiao_url(node.house.fapiao_url, placed, sale.receipt_no, sale.total_fen)
    return EReceipt(url, _qr(url), fapiao_url, _qr(fapiao_url))


def _qr(text: str) -> tuple[str, ...]:
    import segno  # noqa: PLC0415 - 20 ms of import for a code that most sales never show

    matrix = segno.make_qr(text, error="m", boost_error=False).matrix
    return tuple("".join("1" if dark else "0" for dark in row) for row in matrix)
