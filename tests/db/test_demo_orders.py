"""Orders from a file: a wrong line is named with its reason, and a right file becomes a menu and orders."""

import gzip
from pathlib import Path

import pytest

from scripts.demo_orders import OrdersError, from_file, generated

HEAD = "order_id,ordered_at,item,qty,unit_price\n"


def written(tmp_path: Path, text: str | bytes, name: str = "orders.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_lines_of_one_order_become_one_sale_priced_by_item_and_price(tmp_path):
    text = (
        HEAD
        + "1,2016-01-01 12:00:00,Naan,2,2.50\n1,2016-01-01 12:00:00,Korma,1,8.95\n2,2016-01-01 12:05:00,Naan,1,2.75\n"
    )
    day = from_file(written(tmp_path, gzip.compress(text.encode()), "orders.csv.gz"), None)

    assert [(dish.name.en, dish.price_fen) for dish in day.menu.dishes] == [
        ("Naan", 250),
        ("Korma", 895),
        ("Naan", 275),
    ]
    assert [order.total_fen for order in day.orders] == [1395, 275]
    assert all(order.received_fen >= order.total_fen for order in day.orders)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("7,2016-01-01,Naan,0,2.50", "qty '0'"),
        ("7,2016-01-01,Naan,-1,2.50", "qty '-1'"),
        ("7,2016-01-01,Naan,1.5,2.50", "qty '1.5'"),
        ("7,2016-01-01,Naan,1000,2.50", "qty '1000'"),
        ("7,2016-01-01,Naan,1,2.505", "at most two decimals"),
        ("7,2016-01-01,Naan,1,-2", "at most two decimals"),
        ("7,2016-01-01,Naan,1,free", "at most two decimals"),
        ("7,2016-01-01,,1,2.50", "item is empty"),
        ("7,2016-01-01,Naan,1", "unit_price is empty"),
        ("7,2016-01-01,Naan,1,2.50,more", "more values than columns"),
        ("7,2016-01-01,Na\x1ban,1,2.50", "control character"),
        ("7,2016-01-01,Naan,1,9999999.00", "above"),
    ],
)
def test_a_wrong_line_is_named_with_its_reason(tmp_path, line, reason):
    path = written(tmp_path, HEAD + "6,2016-01-01,Rice,1,2.00\n" + line + "\n")
    with pytest.raises(OrdersError, match="line 3") as refused:
        from_file(path, None)
    assert reason in str(refused.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "columns"),
        (b"order_id,item\n1,Naan\n", "ordered_at"),
        (HEAD.encode() + b"1,2016-01-01,\xff\xfe,1,2.50\n", "line 2: not UTF-8"),
        (gzip.compress(HEAD.encode() * 50)[:40], "cut short"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path, content, reason):
    with pytest.raises(OrdersError, match=reason):
        from_file(written(tmp_path, content), None)


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(OrdersError, match="not readable"):
        from_file(tmp_path / "nothing.csv", None)


def test_fewer_orders_than_asked_for_is_an_error(tmp_path):
    with pytest.raises(OrdersError, match="holds 1 orders, 5 were asked for"):
        from_file(written(tmp_path, HEAD + "1,2016-01-01,Naan,1,2.50\n"), 5)


def test_a_generated_day_is_the_same_for_the_same_seed():
    assert generated(40, 3).orders == generated(40, 3).orders
    assert generated(40, 3).orders != generated(40, 4).orders
