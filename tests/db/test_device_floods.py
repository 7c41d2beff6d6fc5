"""Garbage and secrets at the devices of a node: the one becomes nothing but a word on the device page, the other nothing at all.

The floods run under the real supervisor, over real ptys, up to what the tills' screens are told; the secrets through a whole node
in a process of its own, whose folder and output are searched afterwards.
"""

import base64
import json
import random
import select
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from drivers.scanner.keys import RECORD
from drivers.virtual.keys import typed
from edge.devices.scanners import ScannerTalk
from edge.devices.talk import Heard
from sync.node import keys
from sync.node.ports import SystemClock
from tests.kit.nodes import MENU, Rig, grant, sell_body
from tests.kit.serial_line import heard, line_of
from tests.kit.till_world import Plug, TillWorld, plug_path
from tests.kit.waiting import PATIENCE_S

ROOT = Path(__file__).resolve().parents[2]

# ------------------------------------------------------------------------------------------------ the floods

GOOD = {
    "gun": b"6901234567892\r",
    "stripe": b"%ZG600123^WANG^?;600123?\r",
    "pan": b"ST,GS,+   0.486kg\r\n",
    "pan-toledo": b"\x0200.486\r",
    "pan-ff": b"\xff\x43\x86\x04\x00",
}
"""What each device says when all is well."""


def wrong_baud(good: bytes, chance: random.Random) -> bytes:
    read = chance.choice((2400, 4800, 19200, 38400))
    return heard(line_of(good * 3), sent=9600, read=read, phase=chance.random() / 8, needs_edge=True)


def half_frames(good: bytes, chance: random.Random) -> bytes:
    whole = len(good)
    return b"".join(good[: chance.randrange(1, whole - 2)] + b"\xff\xfe" for _ in range(6)) + b"\r"


FLOODS: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "0xFF": lambda good, chance: b"\xff" * chance.randrange(300, 3_000),
    "half frames": half_frames,
    "wrong baud": wrong_baud,
    "random bytes": lambda good, chance: chance.randbytes(chance.randrange(300, 3_000)),
}


def key_noise(chance: random.Random) -> bytes:
    """Keys that no scanner types, and Enter, as whole records: the kernel gives nothing else."""
    keys = [chance.choice((1, 59, 60, 200, 500)) for _ in range(16)]
    return b"".join(RECORD.pack(0, 0, 1, key, value) for key in (*keys, 28) for value in (1, 0))


def rows(folder: Path, scale: str) -> list[dict[str, str]]:
    def serial(name: str) -> str:
        return f"serial://{plug_path(folder, name)}?baud=9600"

    return [
        {"kind": "scanner", "id": "gun", "address": serial("gun"), "till": "1"},
        {"kind": "scanner", "id": "keys", "address": f"hid://{plug_path(folder, 'keys')}", "till": "2"},
        {"kind": "card_reader", "id": "stripe", "address": serial("stripe"), "till": "1"},
        {"kind": "scale", "id": "pan", "address": serial("pan"), "till": "1", "protocol": scale},
    ]


class Flooded:
    """A till world whose devices talk nonsense, and sense afterwards."""

    def __init__(self, world: TillWorld, scale: bytes) -> None:
        self.world = world
        self._good = {**GOOD, "pan": scale}
        self.world.until(lambda: all(one.connected for one in world.supervised.values()), "the devices")

    def shown_as_garbage(self, name: str) -> bool:
        # A device that is asked, or talks by itself, has not answered at all; a scanner has only been unlucky so far.
        return self.world.shown(name) == ("error" if name == "pan" else "degraded", "garbage")

    def flood(
        self, kind: str, chance: random.Random, names: tuple[str, ...] = ("gun", "keys", "stripe", "pan")
    ) -> None:
        """Let them talk nonsense until each is shown for what it does; judge all the while."""
        for _ in range(150):
            waiting = [name for name in names if not self.shown_as_garbage(name)]
            for name in waiting:
                noise = key_noise(chance) if name == "keys" else FLOODS[kind](self._good[name], chance)
                self.world.plugs[name].say(noise)
                self.world.plugs[name].unheard()
            self.pause()
            self.nothing_came()
            if not waiting:
                return
        raise AssertionError(f"not shown as garbage: {[(name, self.world.shown(name)) for name in names]}")

    def pause(self) -> None:
        """Give the line time to be silent for a moment, as between two swipes."""
        with self.world.pace.changed:
            self.world.pace.changed.wait(0.11)

    def nothing_came(self) -> None:
        """No scan, no card, no weight, and no fault of our own."""
        for screen in self.world.screens.values():
            screen.look()
            assert [scan for scan in screen.scans if scan["reason"] != "card_unread" or scan["masked"]] == []
            assert [weight for weight in screen.weights if weight["state"] == "stable"] == []
        assert [name for name in ("gun", "keys", "stripe") if self.world.counted(name, "events")] == []
        assert [line for line in self.world.registry.lines() if line.what == "fault"] == []

    def recover(self) -> None:
        """Let them talk sense until they are well again; what was said is told, and nothing else."""
        said: dict[str, set[str]] = {"1": set(), "2": set()}
        for number in range(200):
            if all(self.world.shown(name) == ("ready", "") for name in self.world.rows):
                break
            member, card = f"ZGM-{number:06d}", f"ZGS-{number:06d}"
            said["1"] |= {member, card}
            said["2"] |= {member}
            self.world.plugs["gun"].say(f"{member}\r".encode())
            self.world.plugs["keys"].say(typed(f"{member}\r", 0))
            self.world.plugs["stripe"].say(f"%{card}?\r".encode())
            self.world.plugs["pan"].say(self._good["pan"])
            self.pause()
        self.world.until(self.weighs, "the weight")
        for till, screen in self.world.screens.items():
            screen.look()
            told = [scan["value"] for scan in screen.scans if not scan["reason"]]
            assert told
            assert len(told) == len(set(told))
            assert set(told) <= said[till]
        assert {weight["weight_g"] for weight in self.world.screens["1"].weights} <= {0, 486}

    def weighs(self) -> bool:
        self.world.plugs["pan"].say(self._good["pan"])
        return self.world.tills.weighing.now("1").weight_g == 486


@pytest.fixture
def flooded(tmp_path, request) -> Iterator[Flooded]:
    protocol, good = request.param
    with (
        Rig(tmp_path / "node", devices=rows(tmp_path, protocol)) as rig,
        TillWorld(replace(rig.node, clock=SystemClock()), tmp_path) as world,
    ):
        yield Flooded(world, good)


SCALES = (("st-gs", GOOD["pan"]), ("toledo-8217", GOOD["pan-toledo"]), ("ff-bcd", GOOD["pan-ff"]))
every_scale = pytest.mark.parametrize("flooded", SCALES, indirect=True, ids=[name for name, _ in SCALES])
one_scale = pytest.mark.parametrize("flooded", SCALES[:1], indirect=True, ids=["st-gs"])


@every_scale
@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_of_garbage_is_no_scan_no_card_no_weight_is_shown_and_is_over_when_it_is_over(flooded, flood, caplog):
    flooded.flood(flood, random.Random(flood))
    flooded.nothing_came()
    assert "device.failed" not in caplog.text

    flooded.recover()


class Credulous:
    """A scanner's talk that believes whatever ends in a carriage return."""

    def __init__(self, real: ScannerTalk) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def feed(self, data: bytes, now_ms: int) -> Heard:
        codes = [code.decode("latin-1") for code in data.split(b"\r") if code]
        for code in codes:
            self._real._on_scan("1", code)
        return Heard(answered=True, events=len(codes))


@one_scale
def test_the_same_flood_through_a_scanner_that_believes_everything_is_seen(flooded):
    """Negative control: without the framer's judgement the floods are scans, and the check says so."""
    device = flooded.world.supervised["gun"]
    real = device._make_talk
    device._make_talk = lambda bell: Credulous(real(bell))
    flooded.world.plugs["gun"].unplug()
    flooded.world.turned("gun", 1)
    flooded.world.plugs["gun"].plug()
    flooded.world.supervisor.hurry("gun")
    flooded.world.turned("gun", 2)

    with pytest.raises(AssertionError, match="690"):
        flooded.flood("half frames", random.Random(1), names=("gun",))


# ------------------------------------------------------------------------------------------------ the secrets

PAN = "4111111111111111"
AMEX = "378282246310005"
WECHAT = "134567890123456789"
ALIPAY = "281234567890123456"
BADGE = "ZGS-7K3M9P2Q"
HOLDER = "DOE/JOHN"
TRACK_1 = f"%B{PAN}^{HOLDER}^28122010000000000?"
TRACK_2 = f";{PAN}=28122010000000?"
SECRETS = (PAN, AMEX, WECHAT, ALIPAY, BADGE, HOLDER, "28122010000", PAN[6:], WECHAT[6:16], ALIPAY[6:16])
"""What must stand nowhere, whole or without its ends."""


class Running:
    """A node as a process, with a scanner, a scanner that types and a stripe reader on ptys, and somebody signed in at till 1."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "data"
        self.folder.mkdir()
        self.plugs = {name: Plug(plug_path(folder, name)) for name in ("gun", "keys", "stripe")}
        for plug in self.plugs.values():
            plug.plug()
        (folder / "menu.json").write_bytes(msgspec.json.encode(MENU))
        # An enrolled node is the one that holds its keys.
        keys.load_or_make(self.folder / "keys.json")
        (self.folder / "enrolment.json").write_bytes(msgspec.json.encode(grant()))
        settings = ['data_dir = "data"', 'log_level = "DEBUG"', "[web]", "port = 0", "[store]", 'tills = ["1"]',
                    'menu_file = "menu.json"']  # fmt: skip
        for kind, name, scheme in (
            ("scanner", "gun", "serial"),
            ("scanner", "keys", "hid"),
            ("card_reader", "stripe", "serial"),
        ):
            address = f"{scheme}://{plug_path(folder, name)}"
            settings += ["[[devices]]", f'kind = "{kind}"', f'id = "{name}"', f'address = "{address}"', 'till = "1"']
        (folder / "edge.toml").write_text("\n".join(settings), encoding="utf-8")
        with (folder / "said.txt").open("wb") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "edge", "run", "--config", str(folder / "edge.toml")],
                cwd=ROOT, stdout=subprocess.PIPE, stderr=said,
            )  # fmt: skip
        assert self.process.stdout is not None
        self.base = json.loads(self.process.stdout.readline())["url"]
        self.answers: list[str] = []
        self.cookie = ""
        pin = (self.folder / "cashier-pin.txt").read_text(encoding="ascii").strip()
        self.call("POST", "session", {"pin": pin, "till": "1"})
        self.until(lambda: all(device["state"] == "ready" for device in self.devices().values()), "the devices")

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Ask the node, and keep what it answered."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "Cookie": self.cookie}
        request = urllib.request.Request(f"{self.base}api/v1/{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            text = answer.read().decode()
            self.cookie = answer.headers.get("Set-Cookie", self.cookie).split(";")[0]
        self.answers.append(text)
        return json.loads(text) if text else None

    def devices(self) -> dict[str, Any]:
        return {device["id"]: device for device in self.call("GET", "devices")["devices"]}

    def until(self, true: Callable[[], bool], what: str) -> None:
        for _ in range(int(PATIENCE_S / 0.05)):
            if true():
                return
            select.select([], [], [], 0.05)
        raise AssertionError(f"waited for {what}: {self.devices()}")

    def say(self, name: str, data: bytes) -> None:
        """Let a device say something, and wait until the node has heard it."""
        before = self.devices()[name]["counters"]["bytes"]
        self.plugs[name].say(data)
        self.until(lambda: self.devices()[name]["counters"]["bytes"] == before + len(data), name)

    def takes(self, *kinds: str) -> None:
        self.call("PUT", "till/accepts", {"kinds": kinds, "screen": "sale"})

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=PATIENCE_S)
        for plug in self.plugs.values():
            plug.unplug()


def evening(node: Running) -> None:
    """Every way in which a secret comes to a counter, on a screen that wants it and on one that does not."""
    for kinds in (("payment", "member", "staff"), ("dish",), ()):
        node.takes(*kinds)
        for code in (WECHAT, ALIPAY, PAN, f"pay {PAN} now", f"https://example.com/?card={PAN}"):
            node.say("gun", f"{code}\r".encode())
            node.say("keys", typed(f"{code}\r", 0))
            node.call("POST", "till/scans", {"text": code})
        node.say("gun", WECHAT[:12].encode() + b"\xff\xfe\r")
        for swipe in (f"{TRACK_1}{TRACK_2}", TRACK_2, TRACK_2[::-1], f";{AMEX}=28122010000?", TRACK_1[:30]):
            node.say("stripe", swipe.encode() + b"\r")
        node.say("stripe", f"%{BADGE}?\r".encode())
        node.say("gun", f"{BADGE}\r".encode())
    node.call("POST", "sales", sell_body(1))
    node.say("stripe", TRACK_2[:20].encode())
    node.plugs["stripe"].unplug()
    node.until(lambda: node.devices()["stripe"]["state"] == "absent", "the reader to be gone")


def found(node: Running, secrets: tuple[str, ...]) -> list[str]:
    """Say which secrets stand in the folder (database, journal, log), on the terminal or in an answer, in any usual writing."""
    # The reserve for a full disk is 32 MB of nothing at all.
    places = [path.read_bytes().rstrip(b"\0") for path in sorted(node.folder.rglob("*")) if path.is_file()]
    places += [(node.folder.parent / "said.txt").read_bytes(), "\n".join(node.answers).encode()]
    everything = b"\0".join(places)
    return [secret for secret in secrets if any(form in everything for form in forms(secret))]


def forms(secret: str) -> list[bytes]:
    plain = secret.encode()
    spaced = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4)).encode()
    return [plain, secret.encode("utf-16-le"), plain.hex().encode(), base64.b64encode(plain)[:-4], spaced, plain[::-1]]


@pytest.fixture(scope="module")
def closed_node(tmp_path_factory) -> Running:
    node = Running(tmp_path_factory.mktemp("secrets"))
    try:
        evening(node)
    finally:
        node.stop()
    return node


def test_after_an_evening_of_scans_and_swipes_no_card_number_track_or_payment_code_stands_anywhere(closed_node):
    assert found(closed_node, SECRETS) == []


def test_the_search_sees_what_a_node_writes_into_its_database_its_log_and_its_answers(closed_node):
    """Negative control: what is no secret is found where it was written, and a secret is found once it is."""
    sale = sell_body(1)["sale_id"]
    log_file = closed_node.folder / "log.jsonl"
    written = (sale, "node.serving", "device.down", "134567", "card.half")
    assert found(closed_node, (*written, "never written")) == list(written)
    assert sale.encode() in (closed_node.folder / "node.db").read_bytes()
    assert b"device.down" in log_file.read_bytes()
    kept = log_file.read_bytes()
    for secret in SECRETS:
        for form in forms(secret):
            log_file.write_bytes(kept + form)
            assert secret in found(closed_node, SECRETS)
    log_file.write_bytes(kept)
