"""The listeners of a rig for other machines and for guests' phones, real sockets on the loopback, and browsers that reach them."""

import http.client
import json
import re
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
from flask.testing import FlaskClient

from edge.app import create_app
from edge.services.care.status import Desk
from edge.services.devices.device_care import DeviceCare
from edge.services.devices.till_devices import build
from edge.services.house.lan import Lan
from edge.services.node import Node
from edge.settings import WebSettings
from edge.web.live import StreamSeats
from edge.wiring import lan as listeners
from edge.wiring.practice import Practice
from tests.kit.nodes import PIN, Rig, uuid7_hex
from tests.kit.waiting import PATIENCE_S

HOST = "127.0.0.1"
_CODE = re.compile(r'data-testid="code">([0-9A-Z-]+)<')


@dataclass
class Answer:
    """What a listener answered."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def cookies(self) -> dict[str, str]:
        """What it wants the browser to keep."""
        said = [each.split(";")[0].partition("=") for each in self.headers.get_all("Set-Cookie") or []]
        return {name: value for name, _, value in said}


@dataclass
class Visitor:
    """A browser of another machine: keeps its cookies, and says where its requests come from."""

    port: int
    trust: ssl.SSLContext | None
    cookies: dict[str, str] = field(default_factory=dict)

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        form: str | None = None,
        headers: dict[str, str] | None = None,
        timeout_s: float = PATIENCE_S,
    ) -> Answer:
        scheme = "http" if self.trust is None else "https"
        said = {"Origin": f"{scheme}://{HOST}:{self.port}", **(headers or {})}
        if self.cookies:
            said["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        data = None
        if body is not None:
            said["Content-Type"], data = "application/json", json.dumps(body)
        if form is not None:
            said["Content-Type"], data = "application/x-www-form-urlencoded", form
        link = (
            http.client.HTTPConnection(HOST, self.port, timeout=timeout_s)
            if self.trust is None
            else http.client.HTTPSConnection(HOST, self.port, timeout=timeout_s, context=self.trust)
        )
        try:
            link.request(method, path, data, said)
            answer = link.getresponse()
            told = Answer(answer.status, answer.headers, answer.read())
        finally:
            link.close()
        self.cookies.update({name: value for name, value in told.cookies.items() if value})
        return told

    def get(self, path: str, **how: Any) -> Answer:
        return self.ask("GET", path, **how)

    def post(self, path: str, body: Any = None, **how: Any) -> Answer:
        return self.ask("POST", path, body, **how)

    def pair(self, code: str, number: int = 1) -> Answer:
        """Type a code; a browser gets the id from the page."""
        return self.post("/pair", form=f"request_id={uuid7_hex(70_000 + number)}&code={code}")

    def sign_in(self, till: str = "1", pin: str = PIN) -> Answer:
        return self.post("/api/v1/session", {"till": till, "pin": pin})


@dataclass
class House:
    """A rig with its listeners open."""

    rig: Rig
    node: Node
    lan: Lan
    desk: Desk
    guest_port: int
    manager: FlaskClient

    @property
    def trust(self) -> ssl.SSLContext:
        """What a device trusts that was shown the store's certificate."""
        return ssl.create_default_context(cadata=self.lan.authority)

    def visitor(self) -> Visitor:
        return Visitor(self.lan.port, self.trust)

    def phone(self) -> Visitor:
        return Visitor(self.guest_port, None)

    def unlock(self) -> None:
        """The manager's till locked itself: the PIN again."""
        assert self.manager.post("/api/v1/session", json={"pin": PIN, "till": "1"}).status_code == 200

    def code(self, name: str = "Pad", till: str = "1") -> str:
        """Let the manager make a pairing code."""
        answer = self.manager.post("/api/v1/terminals/codes", json={"name": name, "till": till})
        assert answer.status_code == 201, answer.text
        told: str = answer.get_json()["code"]
        return told

    def terminal(self, name: str = "Pad", till: str = "1", number: int = 1) -> Visitor:
        """Pair a browser."""
        one = self.visitor()
        answer = one.pair(self.code(name, till), number)
        assert answer.status == 303, answer.text
        return one

    def table_code(self, table: str = "t1") -> str:
        """Give the path of a table's code."""
        codes = self.manager.get("/api/v1/table-codes").get_json()["codes"]
        url: str = next(one["url"] for one in codes if one["table_id"] == table)
        return "/T/" + url.rsplit("/", 1)[1]


@contextmanager
def open_house(rig: Rig, *, tweak: Callable[[WebSettings], WebSettings] = lambda web: web) -> Iterator[House]:
    """Open the listeners of a rig's node on free ports of the loopback."""
    web = tweak(WebSettings(lan_host=HOST, lan_port=0, guest_host=HOST, guest_port=0, streams_max=4))
    node = replace(rig.node, settings=msgspec.structs.replace(rig.node.settings, web=web))
    desk = Desk(node, link=lambda: None, devices=list)
    lan, stops, seats = Lan(), list[Callable[[], None]](), StreamSeats(web.streams_max)
    tills, care = build(node), DeviceCare(node)
    listeners.start(desk, seats, (tills, care), (lan, Practice(desk.node, seats)), [], stops)
    try:
        manager = create_app(desk, seats, tills, care, lan).test_client()
        if not rig.rows("SELECT 1 FROM staff"):
            rig.add_cashier()
        assert manager.post("/api/v1/session", json={"pin": PIN, "till": "1"}).status_code == 200
        guest_port = int(lan.guest_base().rsplit(":", 1)[1]) if lan.guest_base() else 0
        yield House(rig, node, lan, desk, guest_port, manager)
    finally:
        for stop in reversed(stops):
            stop()
        tills.close()


def code_on(page: str) -> str:
    """Read the pairing code off the manager's page."""
    found = _CODE.search(page)
    assert found is not None, page
    return found.group(1)


def silent(port: int, count: int) -> list[socket.socket]:
    """Connect so often and say nothing."""
    return [socket.create_connection((HOST, port)) for _ in range(count)]
