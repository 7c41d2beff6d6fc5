"""`bench till` as people run it, with very few orders: every process starts, every order is confirmed and printed."""

import json
import random
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from scripts.bench_guests import AtCounter, draw_guests
from scripts.bench_load import Errand, send_all

ROOT = Path(__file__).resolve().parents[2]


def bench(*arguments: str) -> tuple[int, dict[str, object]]:
    done = subprocess.run(
        [sys.executable, "-m", "scripts.bench_till", "--json", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=160,
        check=False,
    )
    lines = done.stdout.splitlines()
    assert lines, done.stderr
    told: dict[str, object] = json.loads(lines[-1])
    return done.returncode, told


def test_a_short_run_confirms_and_prints_every_order_and_owns_up_to_being_too_short():
    code, told = bench("--terminals", "1,2", "--orders", "21", "--past", "0")
    runs = told["runs"]
    assert isinstance(runs, list)
    assert [(run["terminals"], run["orders"], run["refused"]) for run in runs] == [(1, 11, 0), (2, 10, 0)]
    assert told["orders"] == 21
    assert 2 * 21 < int(str(told["slips"])) == told["printed"]
    assert told["dishes"] == 2000
    assert told["members"] == 2000
    assert {"open", "pay", "read", "sell", "steps", "find"} <= set(runs[0]["kinds"])
    # Of a basket: two facts, the sale, three lines, tender, invite, the shift's entry and its tender, stored answer; lane and two
    # counters for each fact, the day's total; what the kitchen is to cook, and slips.
    assert int(str(told["rows_per_order"])) > 18
    assert 0 < float(str(told["node_rss_mb"])) < 500
    assert 0 < float(str(told["bare_commit_p50_ms"])) <= float(str(told["bare_commit_p99_ms"]))
    missed = told["missed"]
    assert isinstance(missed, list)
    assert [one for one in missed if one.startswith("orders: 21")]
    assert (code, told["ok"]) == (1, False)


def test_a_store_without_a_printer_can_be_measured_too_and_one_with_a_short_past_shows_nothing_of_it():
    _, told = bench(
        "--terminals", "1", "--orders", "5", "--no-paper", "--past", "40", "--dishes", "120", "--members", "30"
    )
    assert (told["orders"], told["dishes"], told["printed"], told["members"]) == (5, 120, None, 30)
    past = told["past"]
    assert isinstance(past, dict)
    assert (past["orders"], past["page_orders"]) == (40, 40)
    assert past["facts"] > 2 * 40
    assert 0 < past["pay_old_p50_ms"] < 1_000
    missed = told["missed"]
    assert isinstance(missed, list)
    assert [one for one in missed if one.startswith("past: 40")]


class MoodyNode(BaseHTTPRequestHandler):
    """Answers sales by what they say: confirms, refuses, or hangs up."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self._answer(200, b"{}")

    def do_POST(self):
        wanted = self.rfile.read(int(self.headers["Content-Length"]))
        if wanted == b"hang up":
            self.close_connection = True
        else:
            self._answer(int(wanted), b'{"code":"price_changed"}')

    def _answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def test_whatever_is_not_answered_with_created_counts_as_refused_and_the_till_goes_on():
    with HTTPServer(("127.0.0.1", 0), MoodyNode) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        guests = tuple(AtCounter(body) for body in (b"201", b"409", b"hang up", b"200", b"201"))
        try:
            load = send_all([Errand(server.server_port, "", guests, 20.0)])
            late = send_all([Errand(server.server_port, "", guests, -1.0)])
        finally:
            server.shutdown()
            thread.join()
    assert len(load.kinds["sell"]) == load.orders == 2
    assert load.refusals == {
        "sell: 409 price_changed": 1,
        "sell: RemoteDisconnected": 1,
        "sell: 200 price_changed": 1,
    }
    assert late.refusals == {"not sent in time": 5}
    assert late.kinds == {}


def test_a_third_of_the_guests_are_members_and_without_members_the_same_guests_are_nobody():
    menu = json.loads((ROOT / "config" / "demo" / "menu.json").read_bytes())
    known = list(draw_guests(menu, 300, random.Random(1), members=50))
    numbers = [guest.member for guest in known if guest.member >= 0]
    assert 70 < len(numbers) < 130
    assert set(numbers) <= set(range(50))
    assert 0 < sum(isinstance(guest, AtCounter) and guest.points_fen > 0 for guest in known) < len(numbers) / 3
    assert all(guest.member < 0 for guest in draw_guests(menu, 300, random.Random(1)))
