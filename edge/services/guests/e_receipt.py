"""What a guest scans off the till's screen: the address of the receipt, and where an invoice (发票) is asked for.

The page of a receipt is HQ's, which has it as soon as the sale got there. While it has not, the phone is shown to the node's own guest
listener in the shop's network, where the same receipt stands.
"""

import msgspec

from drivers.escpos.decoder import decode
from drivers.escpos.encoder import encode
from drivers.printer.profiles import PROFILES
from edge.db.print_jobs import Job
from edge.domain.device_rows import RECEIPT
from edge.domain.refusal import Refused
from edge.receipts import bill_parts
from edge.services.house.lan import Lan
from edge.services.money import read_sales
from edge.services.node import Node
from edge.services.printing import slip_papers
from sync.contract import ids, receipts

_PROFILE = "epson-58"
"""Narrow enough for a phone's screen."""


class EReceipt(msgspec.Struct, frozen=True):
    """Where a guest finds the receipt, and the QR code of that address: rows of `0` and `1`, quiet zone left out.

    `fapiao_url` and `fapiao_qr` are those of the invoice; empty where the house names no address for it. `here_url` and
    `here_qr` are the address in the shop's own network, for phones in its Wi-Fi; empty where guests are not served.
    """

    url: str
    qr: tuple[str, ...]
    fapiao_url: str = ""
    fapiao_qr: tuple[str, ...] = ()
    here_url: str = ""
    here_qr: tuple[str, ...] = ()


def e_receipt(node: Node, lan: Lan, sale_id: str) -> EReceipt | Refused:
    """Make the addresses of a sale's receipt."""
    grant, found = node.enrolment, read_sales.one(node, sale_id)
    if grant is None or found is None:
        return Refused("not_found")
    url, sale = receipts.url(grant.public_url, grant.store, sale_id), found[0]
    base = lan.guest_base()
    here = receipts.url(base, grant.store, sale_id) if base else ""
    here_qr = _qr(here) if here else ()
    if not node.house.fapiao_url:
        return EReceipt(url, _qr(url), here_url=here, here_qr=here_qr)
    placed = (grant.store, sale.business_day)
    fapiao_url = bill_parts.fapiao_url(node.house.fapiao_url, placed, sale.receipt_no, sale.total_fen)
    return EReceipt(url, _qr(url), fapiao_url, _qr(fapiao_url), here, here_qr)


def paper(node: Node, store: str, sale_id: str) -> str | Refused:
    """Give a receipt as it stands on paper, line by line, for a phone in the shop.

    Args:
        store: as the address names it; only this store's own receipts are here.
    """
    grant = node.enrolment
    if grant is None or store != grant.store or not ids.is_uuid7_hex(sale_id) or read_sales.one(node, sale_id) is None:
        return Refused("not_found")
    job = Job(sale_id, 0, RECEIPT, sale_id, "", "", "", 0, 0, 0, RECEIPT, "", "", 0)
    profile = PROFILES[_PROFILE]
    return decode(encode(slip_papers.document(node, job, profile), profile).data).text


def _qr(text: str) -> tuple[str, ...]:
    import segno  # noqa: PLC0415 - 20 ms of import for a code that most sales never show

    matrix = segno.make_qr(text, error="m", boost_error=False).matrix
    return tuple("".join("1" if dark else "0" for dark in row) for row in matrix)
