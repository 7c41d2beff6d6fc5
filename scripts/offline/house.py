"""The house: settings, terminals, the way to HQ, and a store's first start."""

import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scripts.demo_client import Door
from scripts.demo_world import ROOT, Process
from scripts.offline.counter import API, DISH, PINS, Counter
from scripts.offline.frame import drives, hold
from scripts.offline.world import wait_for


@drives("house.sync")
def sync(counter: Counter) -> None:
    """The page says how the node stands with HQ, and what waits."""
    view = counter.do("GET", "sync")
    hold(view["hub"]["state"] == counter.before["hub_state"], f"it says what is so: {view['hub']}")
    hold(counter.page("/sync") and counter.ask("GET", "/sync/_part").fine, "the page")


@drives("house.settings")
def settings(counter: Counter) -> None:
    """What the house charges beside its dishes is set here and holds at once."""
    wanted = {"request_id": counter.id(), "key": "house.packing_fen", "value": 200}
    counter.do("POST", "settings", wanted, "manager")
    listed = {one["key"]: one["value"] for one in counter.do("GET", "settings", who="manager")["settings"]}
    hold(listed["house.packing_fen"] == 200, "it is set")  # noqa: PLR2004
    sale = counter.sell(service="takeaway")
    hold(sale["total_fen"] == 2_600 + 200, f"and what is taken away pays for packing: {sale['total_fen']}")
    counter.do("POST", "settings", {**wanted, "request_id": counter.id(), "value": 0}, "manager")


# ------------------------------------------------------------------------------------------------------------- terminals
class Tablet:
    """A browser of another machine of the house; trusts the store's own certificate because a person looked at it."""

    def __init__(self, address: str) -> None:
        self._at = urllib.parse.urlsplit(address)
        self._cookies: dict[str, str] = {}
        self._trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._trust.check_hostname = False
        self._trust.verify_mode = ssl.CERT_NONE

    def ask(
        self, method: str, path: str, *, form: dict[str, str] | None = None, body: object = None
    ) -> tuple[int, bytes]:
        """Ask the node over TLS."""
        link = http.client.HTTPSConnection(str(self._at.hostname), self._at.port, timeout=30, context=self._trust)
        headers = {"Cookie": "; ".join(f"{key}={value}" for key, value in self._cookies.items())}
        headers["Origin"] = f"{self._at.scheme}://{self._at.netloc}"
        raw = None
        if form is not None:
            raw, headers["Content-Type"] = urllib.parse.urlencode(form), "application/x-www-form-urlencoded"
        elif body is not None:
            raw, headers["Content-Type"] = json.dumps(body), "application/json"
        link.request(method, path, raw, headers)
        reply = link.getresponse()
        said = reply.read()
        for each in reply.headers.get_all("Set-Cookie") or []:
            name, _, value = each.split(";")[0].partition("=")
            self._cookies[name] = value
        link.close()
        return reply.status, said

    def sells(self, counter: Counter) -> bool:
        """Sign in at its till and sell."""
        self.ask("POST", f"{API}/session", body={"pin": PINS["cashier"], "till": "2"})
        sale = {
            "sale_id": counter.id(), "lines": [{"dish_id": DISH, "qty": 1}], "tenders": [{"kind": "cash", "received_fen": 9_000}],
        }  # fmt: skip
        return self.ask("POST", f"{API}/sales", body=sale)[0] == http.HTTPStatus.CREATED


def paired(counter: Counter, name: str) -> tuple[Tablet, str]:
    """Make a terminal of a tablet; gives it and its id."""
    offered = counter.do("POST", "terminals/codes", {"name": name, "till": "2"}, "manager")
    hold(offered["addresses"], "the house is served")
    tablet = Tablet(offered["addresses"][0])
    hold(tablet.ask("GET", "/pair")[0] == http.HTTPStatus.OK, "the page for the code")
    status, _ = tablet.ask("POST", "/pair", form={"request_id": counter.id(), "code": offered["code"]})
    hold(status == http.HTTPStatus.SEE_OTHER, f"the code is taken: {status}")
    listed = counter.do("GET", "terminals", who="manager")["terminals"]
    return tablet, next(one["terminal_id"] for one in listed if one["name"] == name)


@drives("house.terminals")
def terminals(counter: Counter) -> None:
    """The page and the list name a terminal."""
    paired(counter, "Tablet A")
    hold("Tablet A" in counter.page("/terminals", "manager"), "the page names it")


@drives("house.terminal_code")
def terminal_code(counter: Counter) -> None:
    """The manager's page shows a code."""
    sent = counter.form("/terminals/offer", "manager", name="Tablet B", till="2")
    hold(
        sent.status == http.HTTPStatus.OK and 'data-testid="code"' in sent.body, f"the page shows a code: {sent.status}"
    )


@drives("house.terminal_pair")
def terminal_pair(counter: Counter) -> None:
    """A tablet becomes a terminal and sells; the certificate to trust is there for it."""
    tablet, _ = paired(counter, "Tablet C")
    hold(tablet.sells(counter), "the tablet sells")
    hold(
        all(tablet.ask("GET", path)[0] == http.HTTPStatus.OK for path in ("/pair/trust", "/pair/house-ca.crt")),
        "whom to trust",
    )


@drives("house.terminal_revoke")
def terminal_revoke(counter: Counter) -> None:
    """A tablet that was lost sells nothing any more."""
    tablet, terminal_id = paired(counter, "Tablet D")
    hold(tablet.sells(counter), "before, it sells")
    counter.do("POST", f"terminals/{terminal_id}/revoke", {"request_id": counter.id()}, "manager")
    hold(not tablet.sells(counter), "afterwards it does not")


# ----------------------------------------------------------------------------------------------------------- first start
@contextmanager
def fresh_node() -> Iterator[Process]:
    """Start a node without a settings file, beside the store's."""
    with tempfile.TemporaryDirectory(prefix="zhanggui-fresh-") as folder:
        process = Fresh("fresh", [sys.executable, "-m", "edge", "run", "--data", folder], Path(folder) / "fresh.log")
        try:
            yield process
        finally:
            process.stop()


class Fresh(Process):
    """A node at its first start, on a port that stays the same when it starts anew."""

    url = ""

    def start(self) -> dict[str, Any]:
        """Start it."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = str(probe.getsockname()[1])
        os.environ["EDGE__WEB__PORT"] = port
        try:
            told = super().start()
        finally:
            del os.environ["EDGE__WEB__PORT"]
        self.url = f"http://127.0.0.1:{port}"
        return told


def set_up(counter: Counter, node: Fresh) -> Door:
    """Answer the wizard; gives the browser of the first manager."""
    form = {
        "name_zh": "\u65b0\u5e97",
        "name_en": "New store",
        "person": "Owner",
        "pin": "617294",
        "pin_again": "617294",
    }
    raw = urllib.parse.urlencode(form)
    at = urllib.parse.urlsplit(node.url)
    link = http.client.HTTPConnection(str(at.hostname), at.port, timeout=30)
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": node.url}
    link.request("POST", "/first-start", raw, headers)
    reply = link.getresponse()
    reply.read()
    hold(reply.status == http.HTTPStatus.SEE_OTHER, f"the wizard takes the answers: {reply.status}")
    door = counter.visit(node.url)
    door.headers["Cookie"] = str(reply.headers["Set-Cookie"]).partition(";")[0]
    link.close()
    return door


@drives("house.first_start")
def first_start(counter: Counter) -> None:
    """A store that never saw the network asks what it is, and its first manager signs in."""
    with fresh_node() as node:
        assert isinstance(node, Fresh)
        node.start()
        hold(counter.visit(node.url).ask("GET", "/first-start").fine, "the wizard asks")
        door = set_up(counter, node)
        hold(door.ask("GET", f"{API}/session").body["cashier"]["name"] == "Owner", "the manager is signed in")
        hold("New store" in str(door.ask("GET", f"{API}/status").body["store"]), "the store has its name")


@drives("house.restart")
def restart(counter: Counter) -> None:
    """The node starts anew in its own process, and is there again."""
    with fresh_node() as node:
        assert isinstance(node, Fresh)
        node.start()
        door = set_up(counter, node)
        answer = _form(door, node.url, "/first-start/restart", {})
        hold(answer == http.HTTPStatus.OK, f"the page says so: {answer}")
        assert node.popen is not None
        assert node.popen.stdout is not None
        wait_for(lambda: _lives(counter, node), "the node to be there again", 30)


def _lives(counter: Counter, node: Fresh) -> bool:
    try:
        return counter.visit(node.url).ask("GET", f"{API}/health").fine
    except ConnectionError:
        return False


def _form(door: Door, base: str, path: str, form: dict[str, str]) -> int:
    at = urllib.parse.urlsplit(base)
    link = http.client.HTTPConnection(str(at.hostname), at.port, timeout=60)
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": base, "Cookie": door.headers["Cookie"]}
    link.request("POST", path, urllib.parse.urlencode(form), headers)
    reply = link.getresponse()
    reply.read()
    link.close()
    return reply.status


@drives("house.enrol")
def enrol(counter: Counter) -> None:
    """A fresh node becomes a store of the house by the code that HQ gave out."""
    with fresh_node() as node:
        assert isinstance(node, Fresh)
        node.start()
        door = set_up(counter, node)
        form = {"hub": counter.world.console_url, "store": "newplace", "code": str(counter.before["enrol_code"])}
        status = _form(door, node.url, "/first-start/enrol", form)
        hold(status == http.HTTPStatus.OK, f"HQ takes the code: {status}")


def enrol_code(counter: Counter) -> str:
    """Let HQ give out a code for another store."""
    hub = counter.world.folder / "hub.toml"
    command = [sys.executable, "-m", "cloud", "enrol-store", "newplace", "--config", str(hub), "--name-zh", "\u65b0\u5e97",
               "--name-en", "New place", "--json"]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
    return str(json.loads(done.stdout.strip().splitlines()[-1])["code"])
