"""What every takeaway platform promises the node, asked of each one that is shipped; a real one is added to `PLATFORMS`."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import Thread

import pytest
from cheroot.wsgi import Server

from edge.domain.intake import AWAY, Outcome, PlacedItem, Platform, Tell
from edge.services.intake.platform_fake import FakePlatform, Faults, Wish
from edge.services.intake.platform_http import HttpPlatform
from edge.web.platform_fake import create_fake_platform

RICE = PlacedItem(dish_id="d102", name="米饭", qty=2, unit_fen=400)
WISH = Wish(items=(RICE,), packing_fen=100)
Pair = tuple[FakePlatform, Platform]


@contextmanager
def in_memory(_folder: Path) -> Iterator[Pair]:
    fake = FakePlatform()
    yield fake, fake


@contextmanager
def over_http(folder: Path) -> Iterator[Pair]:
    fake = FakePlatform(folder / "platform.jsonl")
    server = Server(("127.0.0.1", 0), create_fake_platform(fake), numthreads=2)
    server.prepare()
    serving = Thread(target=server.serve, daemon=True)
    serving.start()
    yield fake, HttpPlatform(f"http://127.0.0.1:{server.bind_addr[1]}")
    server.stop()
    serving.join()


PLATFORMS: list[Callable[[Path], AbstractContextManager[Pair]]] = [in_memory, over_http]


@pytest.fixture(params=PLATFORMS)
def pair(request: pytest.FixtureRequest, tmp_path: Path):
    with request.param(tmp_path) as made:
        yield made


def test_news_come_in_order_and_the_same_again_as_often_as_they_are_asked(pair: Pair):
    fake, platform = pair
    first, second = fake.place(WISH), fake.place(WISH)
    assert fake.guest_cancels(first, "等太久")
    news = platform.news(0)
    assert news is not None
    assert [(one.n, one.order.platform_no if one.order else one.off_no) for one in news] == [(1, first), (2, second), (3, first)]  # fmt: skip
    assert (news[0].order.total_fen if news[0].order else 0, news[2].reason) == (900, "等太久")
    assert platform.news(2) == news[2:] == platform.news(2)
    assert platform.news(3) == []


def test_telling_the_same_twice_is_answered_alike_and_what_is_off_is_refused(pair: Pair):
    fake, platform = pair
    number, off, declined = fake.place(WISH), fake.place(WISH), fake.place(WISH)
    for what in (Tell.ACCEPT, Tell.ACCEPT, Tell.READY, Tell.READY, Tell.ACCEPT, Tell.CANCEL, Tell.CANCEL):
        assert platform.tell(what, number).outcome is Outcome.DONE, what
    assert platform.tell(Tell.ACCEPT, number).outcome is Outcome.REFUSED
    fake.guest_cancels(off)
    assert platform.tell(Tell.ACCEPT, off).outcome is Outcome.REFUSED
    assert platform.tell(Tell.DECLINE, declined, "太忙").outcome is Outcome.DONE
    assert platform.tell(Tell.ACCEPT, "MT999999").outcome is Outcome.REFUSED
    assert fake.seen().owed_fen == 0


def test_what_is_sold_out_cannot_be_ordered_until_it_is_back(pair: Pair):
    fake, platform = pair
    assert platform.sold_out("d102", sold_out=True).outcome is Outcome.DONE
    assert fake.place(WISH) == ""
    assert platform.sold_out("d102", sold_out=False).outcome is Outcome.DONE
    assert fake.place(WISH) != ""


def test_silence_and_a_lost_answer_are_unknown_and_no_refusal(pair: Pair):
    fake, platform = pair
    number = fake.place(WISH)
    fake.put_faults(Faults(away=True))
    assert platform.news(0) is None
    assert platform.tell(Tell.ACCEPT, number) == AWAY
    assert platform.sold_out("d102", sold_out=True) == AWAY
    fake.put_faults(Faults(lose_answers=1))
    assert platform.tell(Tell.ACCEPT, number) == AWAY
    assert platform.tell(Tell.ACCEPT, number).outcome is Outcome.DONE


def test_nobody_at_an_address_is_silence():
    assert HttpPlatform("http://127.0.0.1:1").news(0) is None
    assert HttpPlatform("http://127.0.0.1:1").tell(Tell.ACCEPT, "MT000001") == AWAY


def test_it_outlives_the_node_also_when_the_last_line_of_its_file_is_torn(tmp_path: Path):
    file = tmp_path / "platform.jsonl"
    first = FakePlatform(file)
    number = first.place(WISH)
    first.tell(Tell.ACCEPT, number)
    first.sold_out("d101", sold_out=True)
    first.tell(Tell.READY, number)
    file.write_bytes(file.read_bytes()[:-20])
    second = FakePlatform(file)
    assert [one.state for one in second.seen().orders] == ["accepted"]
    assert second.seen().sold_out == ("d101",)
    assert second.tell(Tell.READY, number).outcome is Outcome.DONE
    assert [one.state for one in FakePlatform(file).seen().orders] == ["ready"]
    assert second.news(0) == FakePlatform(file).news(0)


def test_the_shipped_one_serves_this_machine_only(tmp_path: Path):
    client = create_fake_platform(FakePlatform()).test_client()
    placed = client.post("/guest/orders", json={"items": [{"dish_id": "d1", "unit_fen": 100}]})
    assert (placed.status_code, placed.get_json()) == (201, {"platform_no": "MT000001"})
    assert client.get("/state", base_url="http://evil.example").get_json()["code"] == "forbidden_host"
    assert client.post("/guest/orders/MT000001/cancel", json={"reason": "x"}).status_code == 204
    assert client.post("/guest/orders/MT000001/cancel", json={}).status_code == 404
    assert client.put("/faults", json={"away": True}).status_code == 204
    assert client.get("/news").status_code == 503
