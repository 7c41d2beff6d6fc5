"""A till client of `chaos sync`: a process of its own that sells, writes down what it knows, and may be killed at any moment.

Its journal has one line of JSON for each step, flushed to disk before the next: `asked` before an order goes out, `confirmed`
with the store's answer behind it. A till that starts again repeats what it asked last and did not hear of, under the same id,
as the product's own page does.
"""

import argparse
import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from scripts.demo_client import Answer, Door, Unanswered
from sync.node.ports import IdSource, SystemChance, SystemClock

DISH_ID, PRICE_FEN = "chaos", 1_250
QTY_MAX = 9
PAUSE_S = 0.05
RETRY_S = 0.2


@dataclass
class Journal:
    """What a till wrote down. `asked` has each sale's body by its id, in order; `confirmed` the store's answer."""

    path: Path
    asked: dict[str, dict[str, Any]] = field(default_factory=dict)
    confirmed: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Read what is there; a last line that was cut short is no line, and goes."""
        raw = self.path.read_bytes() if self.path.exists() else b""
        whole = raw[: raw.rfind(b"\n") + 1]
        if whole != raw:
            os.truncate(self.path, len(whole))
        for line in whole.decode().splitlines():
            told = json.loads(line)
            (self.asked if told["step"] == "asked" else self.confirmed)[told["sale_id"]] = told["what"]

    @property
    def pending(self) -> dict[str, Any] | None:
        """Give the order that was asked for and not confirmed; there is one at most."""
        open_ones = [body for sale_id, body in self.asked.items() if sale_id not in self.confirmed]
        assert len(open_ones) <= 1, "a till asks for the next order only when the last one is confirmed"
        return open_ones[0] if open_ones else None


class Till:
    """Sells one order after the other until told to stop."""

    def __init__(self, journal: Journal, door: Door, credentials: dict[str, str], broken: str) -> None:
        self._journal = journal
        self._door = door
        self._credentials = credentials
        self._broken = broken
        self._ids = IdSource(SystemClock(), SystemChance())
        self._stopping = threading.Event()

    def stop(self) -> None:
        """End after the order in hand."""
        self._stopping.set()

    def work(self, tries: int) -> int:
        """Sell; `tries` bounds how often one order is asked again. Gives how many orders were confirmed."""
        with self._journal.path.open("a", encoding="utf-8") as file:
            while not self._stopping.is_set():
                self._settle(file, self._journal.pending or self._next(file), tries)
                self._stopping.wait(PAUSE_S)
            if (pending := self._journal.pending) is not None:
                self._settle(file, pending, tries)
        return len(self._journal.confirmed)

    def _next(self, file: TextIO) -> dict[str, Any]:
        qty = len(self._journal.asked) % QTY_MAX + 1
        body = {
            "sale_id": self._ids.uuid7().hex(),
            "lines": [{"dish_id": DISH_ID, "qty": qty, "modifiers": [], "weight_g": 0}],
            "tenders": [{"kind": "cash", "received_fen": qty * PRICE_FEN}],
        }
        self._note(file, "asked", body["sale_id"], body)
        self._journal.asked[str(body["sale_id"])] = body
        return body

    def _settle(self, file: TextIO, body: dict[str, Any], tries: int) -> None:
        sale_id = str(body["sale_id"])
        answer = self._believed(body) if self._broken == "lose" else self._ask(body, tries)
        what = {"receipt_no": answer.body["receipt_no"], "total_fen": answer.body["total_fen"]}
        self._note(file, "confirmed", sale_id, what)
        self._journal.confirmed[sale_id] = what
        if self._broken == "double":
            self._ask(body | {"sale_id": self._ids.uuid7().hex()}, tries)

    def _ask(self, body: dict[str, Any], tries: int) -> Answer:
        for _ in range(tries):
            try:
                answer = self._door.ask("POST", "/api/v1/sales", body)
                if answer.fine:
                    return answer
                if answer.status not in {401, 503}:
                    raise SystemExit(f"an order was refused: {answer.status} {answer.body}")
                # A node that was killed has forgotten nothing, but a session may have ended.
                self._door.ask("POST", "/api/v1/session", self._credentials)
            except Unanswered:
                threading.Event().wait(RETRY_S)
        raise SystemExit(f"an order had no answer after {tries} tries")

    @staticmethod
    def _believed(body: dict[str, Any]) -> Answer:
        """The fault of a till that says "saved" before the store did."""
        return Answer(201, {"receipt_no": "", "total_fen": body["tenders"][0]["received_fen"]})

    @staticmethod
    def _note(file: TextIO, step: str, sale_id: object, what: object) -> None:
        file.write(json.dumps({"step": step, "sale_id": sale_id, "what": what}) + "\n")
        file.flush()
        os.fsync(file.fileno())


def journals(folder: Path) -> Iterator[Journal]:
    """Read every till's journal of a folder."""
    for path in sorted(folder.glob("*.jsonl")):
        yield Journal(path)


def main(arguments: list[str]) -> int:
    """Sell until SIGTERM."""
    parser = argparse.ArgumentParser(prog="chaos_client", description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--till", required=True)
    parser.add_argument("--pin-file", type=Path, required=True)
    parser.add_argument("--journal", type=Path, required=True)
    parser.add_argument("--tries", type=int, default=3_000)
    parser.add_argument("--break", dest="broken", choices=("", "lose", "double"), default="")
    chosen = parser.parse_args(arguments)
    credentials = {"pin": chosen.pin_file.read_text(encoding="ascii").strip(), "till": chosen.till}
    till = Till(Journal(chosen.journal), Door(chosen.url), credentials, chosen.broken)
    signal.signal(signal.SIGTERM, lambda *_: till.stop())
    print(json.dumps({"ready": True}), flush=True)
    till.work(chosen.tries)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
