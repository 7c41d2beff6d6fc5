"""The page "what works now": what the register says, beside how the ways out stand."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge.app import create_app
from edge.domain import functions
from edge.domain.functions import Offline
from edge.services.care import works
from edge.services.care.status import Desk
from edge.services.money.gateway_desk import GatewayDesk
from edge.services.money.gateway_fake import FakeGateway, Faults
from edge.web.live import StreamSeats
from tests.kit.nodes import PIN, Rig

NETWORK = [one.id for one in functions.of_people(works.register()) if one.offline is Offline.NETWORK]
LIMITED = [one.id for one in functions.of_people(works.register()) if one.offline is Offline.LIMITED]


def opened(rig: Rig) -> tuple[Any, FakeGateway, GatewayDesk]:
    """A browser of a node with a gateway; the way to HQ was never open."""
    fake = FakeGateway(rig.clock, rig.node.zone)
    gateway = GatewayDesk(fake)
    desk = Desk(replace(rig.node, gateway=gateway), link=lambda: None, devices=list)
    client = create_app(desk, StreamSeats(1)).test_client()
    rig.add_cashier()
    assert client.post("/api/v1/session", json={"pin": PIN, "till": "1"}).status_code == 200
    return client, fake, gateway


def listed(page: str, kind: str) -> list[str]:
    part = page.split(f'data-testid="works-{kind}"')[1].split("</ul>", maxsplit=1)[0]
    return re.findall(r'data-function="([^"]+)"', part)


@pytest.mark.parametrize(("language", "title"), [("zh", "现在能用什么"), ("en", "What works now")])
def test_the_page_lists_what_the_register_says_and_how_things_stand(tmp_path: Path, language: str, title: str) -> None:
    with Rig(tmp_path) as rig:
        client, fake, gateway = opened(rig)
        page = client.get(f"/works?lang={language}").text
        assert title in page
        assert (listed(page, "network"), listed(page, "limited")) == (NETWORK, LIMITED)
        assert 'data-way="hub" data-state="away"' in page
        code = next(one for one in works.register() if one.id == "pay.code")
        assert (code.limit_zh if language == "zh" else code.limit_en) in page.replace("&#39;", "'")
        # Whatever a language lacks would stand there as the name of its word.
        assert not re.search(r"\bworks\.\w+|>state\.", page)

        now = {one["id"]: one["now"] for one in client.get("/api/v1/works").json["network"]}
        assert now["pay.code"]
        assert not now["house.enrol"]
        fake.put_faults(Faults(away=True))
        assert not gateway.ask(lambda one: one.query("0" * 32)).reached
        now = {one["id"]: one["now"] for one in client.get("/api/v1/works").json["network"]}
        assert not now["pay.code"]
        seen = re.search(r"seen=(\w+)", page)
        assert seen
        changed = client.get(f"/works/_part?lang={language}&seen={seen[1]}")
        assert 'data-way="gateway" data-state="away"' in changed.text


def test_a_stranger_is_told_to_sign_in(tmp_path: Path) -> None:
    with Rig(tmp_path) as rig:
        client = rig.client(signed_in=False)
        assert [client.get(path).status_code for path in ("/works", "/works/_part", "/api/v1/works")] == [401] * 3
