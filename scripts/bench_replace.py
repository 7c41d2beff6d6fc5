"""How long a blank machine takes to become a store again: from the command to the first sale, all of it real processes.

.venv/bin/python -m scripts.bench_replace --mb 100
"""

import argparse
import hashlib
import http.client
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from cloud import settings as hub_settings
from cloud.db import journal, stores
from cloud.db.journal import LaneRow
from cloud.db.stores import KeyRow, StoreRow
from cloud.wiring import Core, open_core
from scripts.bench_load import JSON_HEADERS
from scripts.bench_processes import BenchError, started
from sync.contract import codes, facts, ids, operations, times, trade
from sync.contract.facts import Fact
from sync.contract.menu import Menu
from sync.contract.operations import PrintSettled
from sync.contract.trade import InviteIssued, SalePaid, SoldLine, Tender
from sync.contract.words import Name
from sync.node import keys
from sync.node.passwords import Cost
from sync.node.ports import SeededChance, SystemClock

ROOT = Path(__file__).resolve().parent.parent
MENU = ROOT / "config" / "demo" / "menu.json"
STORE, NAME = "bench-1", Name("测试店", "Bench")
BATCH = 5_000
MB = 1_000_000
ENROL_TIMEOUT_S = 600
SALES_A_DAY = 400
LINES = 3
DAY_MS = 86_400_000
ZONE = ZoneInfo("Asia/Shanghai")


def replace_seconds(mb: int) -> float:
    """Measure a replacement.

    Args:
        mb: the bytes of facts that the hub holds of the store, in millions; 100 are about 200,000 facts.

    Returns:
        Seconds from `enrol --replace` on an empty folder to the first confirmed sale.

    Raises:
        BenchError: it could not be run, or not everything came back.
    """
    return float(measure(mb)["replace_s"])


def measure(mb: int) -> dict[str, Any]:
    """Measure a replacement and give its parts: facts, bytes, seconds of the command and of the start."""
    clock = SystemClock()
    with tempfile.TemporaryDirectory(prefix="bench-replace-") as made:
        folder = Path(made)
        hub_config = _write_hub(folder)
        count, size, code = _fill(hub_config, mb * MB)
        with started(["-m", "cloud", "run", "--config", str(hub_config)], folder / "hub.log") as (_, ready):
            node_config = _write_node(folder)
            begun_ms = clock.monotonic_ms()
            told = _enrol(node_config, str(ready["url"]).rstrip("/"), code)
            enrolled_ms = clock.monotonic_ms()
            if told["facts"] != count:
                raise BenchError(f"{told['facts']} of {count} facts came back")
            with started(["-m", "edge", "run", "--config", str(node_config)], folder / "edge.log") as (_, node):
                _sell(str(node["url"]), (folder / "edge" / "cashier-pin.txt").read_text(encoding="ascii").strip())
                sold_ms = clock.monotonic_ms()
    return {
        "facts": count,
        "bytes": size,
        "enrol_s": round((enrolled_ms - begun_ms) / 1000, 2),
        "start_s": round((sold_ms - enrolled_ms) / 1000, 2),
        "replace_s": round((sold_ms - begun_ms) / 1000, 2),
    }


def _write_hub(folder: Path) -> Path:
    config = folder / "hub.toml"
    config.write_text(
        'data_dir = "hub"\npublic_url = "http://127.0.0.1:8701"\nlog_level = "WARNING"\n'
        "[web]\nport = 0\n[guest]\nport = 0\n[broker]\nport = 1\n"
        '[enrolment]\napproval = "never"\n',
        encoding="utf-8",
    )
    return config


def _write_node(folder: Path) -> Path:
    config = folder / "edge.toml"
    menu = json.dumps(str(MENU))
    config.write_text(
        f'data_dir = "edge"\nlog_level = "WARNING"\n[web]\nport = 0\n[store]\nmenu_file = {menu}\n', encoding="utf-8"
    )
    return config


def _fill(config: Path, wanted: int) -> tuple[int, int, str]:
    """Let the hub hold a store of so many bytes; gives facts, bytes, and a code for the machine that replaces it."""
    core = open_core(hub_settings.load(config), clock=SystemClock(), chance=SeededChance("hub"), cost=Cost(64, 1, 1))
    try:
        made = Days(core.hub.clock.now_ms())
        with core.database.write() as tx:
            identity = keys.make_identity(b"the machine that broke")
            public = identity.public
            stores.put_store(tx, StoreRow(STORE, NAME.zh, NAME.en, 0, 1))
            stores.insert_key(tx, KeyRow(STORE, 1, public.key_id, "0" * 32, public.signing, public.agreement, 1, None))
            stores.set_epoch(tx, STORE, 1)
        while made.bytes < wanted:
            _keep(core, made)
        core.projector.catch_up()
        return made.n, made.bytes, core.hub.enrolment.make_code(STORE, NAME).code
    finally:
        core.database.close()


def _keep(core: Core, made: "Days") -> None:
    with core.database.write() as tx:
        rows = made.rows(BATCH)
        first = journal.take_ingest_ids(tx, len(rows))
        for number, row in enumerate(rows):
            row["ingest_id"] = first + number
        journal.insert_facts(tx, rows)
        journal.put_lanes(
            tx, [LaneRow(STORE, 1, lane, made.seq[lane], made.chain[lane], updated_ms=1) for lane in (0, 1)]
        )


class Days:
    """Sales of a busy store, one behind the other: sale, invite, and the slips of receipt and kitchen."""

    def __init__(self, now_ms: int) -> None:
        self.n = self.bytes = self._sold = 0
        self.seq = {0: 0, 1: 0}
        self.chain = {lane: facts.genesis(STORE, 1, lane) for lane in (0, 1)}
        self._chance = SeededChance("days")
        self._start_ms = now_ms - 200 * DAY_MS
        self._dishes = msgspec.json.decode(MENU.read_bytes(), type=Menu).dishes
        self._facts = self._sales()

    def rows(self, count: int) -> list[dict[str, Any]]:
        """Give so many facts, whole sales only."""
        found: list[dict[str, Any]] = []
        while len(found) < count:
            found += next(self._facts)
        return found

    def _sales(self) -> Iterator[list[dict[str, Any]]]:
        while True:
            self._sold += 1
            at_ms = self._start_ms + self._sold * DAY_MS // SALES_A_DAY
            sale_id = ids.uuid7(at_ms, self._chance.token(10)).hex()
            dishes = [self._dishes[(self._sold * 7 + place) % len(self._dishes)] for place in range(LINES)]
            lines = tuple(
                SoldLine(
                    dish_id=dish.id,
                    code=dish.code,
                    name=dish.name,
                    qty=1 + place % 2,
                    unit_fen=dish.price_fen,
                    amount_fen=(1 + place % 2) * dish.price_fen,
                )
                for place, dish in enumerate(dishes)
            )
            total = sum(line.amount_fen for line in lines)
            sale = SalePaid(
                sale_id=sale_id,
                till="1",
                number=self._sold,
                receipt_no=trade.receipt_no("1", 1, self._sold),
                currency="CNY",
                lines=lines,
                tenders=(Tender(kind="cash", received_fen=total, change_fen=0, amount_fen=total),),
                total_fen=total,
                locale="zh-CN",
            )
            day = times.business_day(at_ms, ZONE, 240)
            invite = self._invite(sale_id, at_ms, day)
            slips = [
                PrintSettled(
                    job_id=ids.uuid7(at_ms, self._chance.token(10)).hex(),
                    document=document,
                    subject=sale_id,
                    copy=0,
                    state="confirmed",
                )
                for document in ("receipt", "docket", "docket")
            ]
            yield [
                self._row(0, trade.SALE_PAID, sale, at_ms, day),
                self._row(0, trade.INVITE_ISSUED, invite, at_ms, day),
                *[self._row(1, operations.PRINT_CONFIRMED, slip, at_ms + 900, day) for slip in slips],
            ]

    def _invite(self, sale_id: str, at_ms: int, day: str) -> InviteIssued:
        # The form of a real one, so that the hub takes it in; no key signed it, since nobody shows it here.
        invite_id = self._chance.token(codes.INVITE_ID_BYTES)
        claims = codes.InviteClaims(b"benchkey", invite_id, issued_day=at_ms // DAY_MS, days_valid=0)
        return InviteIssued(
            invite_id=invite_id.hex(),
            sale_id=sale_id,
            short=codes.short_code(invite_id),
            code=codes.assemble(claims, hashlib.sha512(sale_id.encode()).digest()),
            expires_day=day,
        )

    def _row(self, lane: int, kind: str, body: msgspec.Struct, at_ms: int, day: str) -> dict[str, Any]:
        self.n += 1
        self.seq[lane] += 1
        fact_id = ids.uuid7(at_ms, self._chance.token(10))
        raw = facts.encode(
            Fact(
                store=STORE,
                epoch=1,
                lane=lane,
                seq=self.seq[lane],
                n=self.n,
                id=fact_id.hex(),
                kind=kind,
                v=1,
                at_ms=at_ms,
                hlc=str(at_ms << 16),
                day=day,
                actor="c1",
                device="till-1",
                versions={"menu": 1},
                body=msgspec.Raw(msgspec.json.encode(body)),
            )
        )
        self.chain[lane] = facts.link(self.chain[lane], raw)
        self.bytes += len(raw)
        return {
            "ingest_id": 0, "store": STORE, "epoch": 1, "lane": lane, "seq": self.seq[lane], "fact_id": fact_id,
            "kind": kind, "at_ms": at_ms, "received_ms": at_ms, "chain": self.chain[lane], "raw": raw,
        }  # fmt: skip


def _enrol(config: Path, hub_url: str, code: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "edge", "enrol", "--replace", "--json", "--config", str(config), "--hub", hub_url,
         "--store", STORE, "--code", code],
        cwd=ROOT, capture_output=True, text=True, timeout=ENROL_TIMEOUT_S, check=False,
    )  # fmt: skip
    if done.returncode:
        raise BenchError(f"enrol --replace ended with {done.returncode}\n{done.stderr[-2000:]}")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def _sell(url: str, pin: str) -> None:
    """Sign in, read the menu, and sell one dish, as a till does."""
    link = http.client.HTTPConnection(url.removeprefix("http://").rstrip("/"), timeout=30)
    cookie = ""

    def ask(method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        nonlocal cookie
        raw = None if body is None else json.dumps(body).encode()
        link.request(method, f"/api/v1{path}", raw, {**JSON_HEADERS, "Cookie": cookie})
        answer = link.getresponse()
        told: dict[str, Any] = json.loads(answer.read())
        if answer.status >= 300:  # noqa: PLR2004 - whatever is not a success
            raise BenchError(f"{method} {path} gave {answer.status}: {told.get('code')}")
        cookie = (answer.headers.get("Set-Cookie") or cookie).partition(";")[0]
        return told

    try:
        ask("POST", "/session", {"pin": pin, "till": "1"})
        dish = next(
            one for one in ask("GET", "/menu")["dishes"] if not one.get("modifier_groups") and not one.get("per_g")
        )
        sale_id = ids.uuid7(SystemClock().now_ms(), SeededChance("first").token(10)).hex()
        tenders = [{"kind": "cash", "received_fen": 10_000_000}]
        ask("POST", "/sales", {"sale_id": sale_id, "lines": [{"dish_id": dish["id"], "qty": 1}], "tenders": tenders})
    finally:
        link.close()


def main() -> None:
    """Measure once and print the result as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mb", type=int, default=100, help="bytes of facts, in millions")
    print(json.dumps({"ok": True, **measure(parser.parse_args().mb)}))


if __name__ == "__main__":
    main()
