"""A receipt without paper: the QR on the till's screen leads to the page that the hub serves."""

from dataclasses import replace

import msgspec
import zxingcpp
from PIL import Image

from edge.services.guests import e_receipt
from edge.services.house.lan import Lan
from sync.contract import receipts
from tests.kit.lan import open_house
from tests.kit.nodes import STORE, Rig, uuid7_hex

QUIET, SCALE = 4, 4


def picture(rows: list[str]) -> Image.Image:
    side = len(rows) + 2 * QUIET
    image = Image.new("L", (side, side), 255)
    for y, row in enumerate(rows):
        for x, dot in enumerate(row):
            if dot == "1":
                image.putpixel((x + QUIET, y + QUIET), 0)
    return image.resize((side * SCALE, side * SCALE), Image.Resampling.NEAREST)


def test_the_qr_on_the_screen_reads_back_as_the_address_of_this_sale(tmp_path):
    with Rig(tmp_path) as rig:
        sale = rig.sell(1)
        told = rig.client().get(f"/api/v1/sales/{sale.sale_id}/e-receipt").get_json()
    assert told["url"] == receipts.url("http://127.0.0.1:8701", STORE, sale.sale_id)
    [found] = zxingcpp.read_barcodes(
        picture(told["qr"]), formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
    )
    assert found.text == told["url"]


def test_a_sale_that_was_never_paid_has_no_receipt_and_a_stranger_gets_none(tmp_path):
    with Rig(tmp_path) as rig:
        sale = rig.sell(1)
        assert rig.client().get(f"/api/v1/sales/{uuid7_hex(9)}/e-receipt").status_code == 404
        stranger = rig.client(signed_in=False)
        assert stranger.get(f"/api/v1/sales/{sale.sale_id}/e-receipt").status_code == 401


def test_where_an_invoice_is_asked_for_is_told_with_number_and_amount_filled_in_and_only_where_the_house_names_it(
    tmp_path,
):
    with Rig(tmp_path) as rig:
        sale = rig.sell(1)
        plain = rig.client().get(f"/api/v1/sales/{sale.sale_id}/e-receipt").get_json()
        rules = msgspec.structs.replace(rig.node.house, fapiao_url="https://tax.example/f?s={store}&n={no}&a={amount}")
        settings = msgspec.structs.replace(rig.node.settings, house=rules)
        told = (
            rig.client(node=replace(rig.node, settings=settings))
            .get(f"/api/v1/sales/{sale.sale_id}/e-receipt")
            .get_json()
        )
    assert (plain["fapiao_url"], plain["fapiao_qr"]) == ("", [])
    amount = f"{sale.total_fen // 100}.{sale.total_fen % 100:02d}"
    assert told["fapiao_url"] == f"https://tax.example/f?s={STORE}&n={sale.receipt_no}&a={amount}"
    [found] = zxingcpp.read_barcodes(
        picture(told["fapiao_qr"]), formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
    )
    assert found.text == told["fapiao_url"]


def test_a_phone_in_the_shop_reads_the_receipt_from_the_node_and_nobody_reads_anothers(tmp_path):
    with Rig(tmp_path) as rig:
        sale = rig.sell(1)
        with open_house(rig, tweak=lambda web: type(web)(guest_host=web.guest_host, guest_port=0)) as opened:
            base = opened.lan.guest_base()
            found = e_receipt.e_receipt(rig.node, opened.lan, sale.sale_id)
            assert isinstance(found, e_receipt.EReceipt)
            assert found.here_url == receipts.url(base, STORE, sale.sale_id)
            phone = opened.phone()
            page = phone.get(found.here_url.removeprefix(base.upper()))
            stranger = phone.get(f"/R/{STORE.upper()}/{uuid7_hex(9).upper()}")
            elsewhere = phone.get(f"/R/ANOTHER/{sale.sale_id.upper()}")
    assert page.status == 200
    assert sale.receipt_no in page.text
    assert "set-cookie" not in page.headers
    assert (stranger.status, elsewhere.status) == (404, 404)
    assert sale.receipt_no not in stranger.text + elsewhere.text


def test_without_a_listener_for_guests_there_is_no_address_in_the_shop(tmp_path):
    with Rig(tmp_path) as rig:
        sale = rig.sell(1)
        found = e_receipt.e_receipt(rig.node, Lan(), sale.sale_id)
    assert isinstance(found, e_receipt.EReceipt)
    assert (found.here_url, found.here_qr) == ("", ())
