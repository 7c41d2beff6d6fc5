"""The judge: compares the driver's own list with what stores, hub and paper say, through public doors only."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from io import BytesIO
from typing import Any

import zxingcpp
from PIL import Image

from drivers.escpos import decoder
from scripts.demo_client import Door, Roll, all_sales, hub, till
from scripts.demo_day import Outage, Sale
from scripts.demo_members import Club
from scripts.demo_world import ROOT, Store, World
from sync.contract import codes

OPTICAL_READS = 60
"""How many invites are read off the drawn paper with a QR reader; at least 50 are asked for."""
CATCH_UP_S_MAX = 30
REPRINT_MARK = "REPRINT"


@dataclass
class Verdict:
    """The figures under the names of the command table (DESIGN §14)."""

    ok: bool = False
    setup_to_page_s: float = 0.0
    sales_confirmed: int = 0
    sales_at_edge: int = 0
    sales_at_hub: int = 0
    amount_edge_fen: int = 0
    amount_hub_fen: int = 0
    lost: int = 0
    doubled: int = 0
    receipts_printed: int = 0
    reprints_marked: int = 0
    reprints_unmarked: int = 0
    invites_issued: int = 0
    invites_verified: int = 0
    invites_read_optically: int = 0
    members_joined: int = 0
    points_edge: int = 0
    points_hub: int = 0
    chain_ok: bool = False
    outage_s: float = 0.0
    catch_up_s: float = 0.0
    setup_cache: str = "none"
    failed: list[str] = field(default_factory=list)

    def as_json(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self), ensure_ascii=False)


@dataclass(frozen=True)
class _Paper:
    """A slip, read: which receipt it is, whether it is marked, its invite."""

    store: str
    index: int
    receipt_no: str
    complete: bool
    marked: bool
    code: str | None


def judge(
    world: World, sales: list[Sale], wanted: int, outage: Outage, club: Club, say: Callable[[str], None]
) -> Verdict:
    """Judge a day. The broker is stopped for the last check and stays so."""
    verdict = Verdict(sales_confirmed=sum(sale.answer is not None for sale in sales))
    verdict.outage_s, verdict.catch_up_s = round(outage.outage_s, 2), round(outage.catch_up_s, 2)
    verdict.members_joined, verdict.points_edge, verdict.points_hub = club.joined, club.points_edge, club.points_hub
    say("comparing every sale at the stores and at the hub")
    doors = {store.id: till(store) for store in world.stores}
    hub_door = hub(world.console_url, world.api_token)
    at_edge = [sale | {"store": name} for name, door in doors.items() for sale in all_sales(door, "/api/v1/sales")]
    at_hub = all_sales(hub_door, "/api/v1/sales")
    _compare(verdict, sales, at_edge, at_hub)
    verdict.amount_edge_fen = sum(
        door.ask_patiently("GET", "/api/v1/totals").body["amount_fen"] for door in doors.values()
    )
    verdict.amount_hub_fen = hub_door.ask_patiently("GET", "/api/v1/totals").body["amount_fen"]
    say("reading every slip of paper")
    papers = [paper for store in world.stores for paper in _papers(store)]
    _judge_paper(verdict, papers, at_edge)
    say(f"reading {OPTICAL_READS} invites off the drawn paper")
    optical = _read_optically(world, papers)
    verdict.chain_ok = _chains_hold(world, hub_door)
    say("verifying every invite at the other store, without a broker")
    world.broker.stop()
    _verify_invites(verdict, world, doors, papers, optical)
    _conclude(verdict, wanted, club)
    return verdict


def _compare(verdict: Verdict, sales: list[Sale], at_edge: list[dict[str, Any]], at_hub: list[dict[str, Any]]) -> None:
    verdict.sales_at_edge, verdict.sales_at_hub = len(at_edge), len(at_hub)
    known = {sale.sale_id for sale in sales}
    wrong: set[str] = set()
    double: set[str] = set()
    for found in (at_edge, at_hub):
        counts = Counter(sale["sale_id"] for sale in found)
        numbers = Counter((sale["store"], sale["receipt_no"]) for sale in found)
        by_id = {sale["sale_id"]: sale for sale in found}
        double |= {sale_id for sale_id, count in counts.items() if count > 1}
        double |= {sale["sale_id"] for sale in found if numbers[(sale["store"], sale["receipt_no"])] > 1}
        # A sale that nobody asked for is somebody's order booked a second time.
        double |= set(by_id) - known
        double |= {sale_id for sale_id, sale in by_id.items() if len(sale["tenders"]) != 1}
        wrong |= {
            sale.sale_id for sale in sales if sale.answer is not None and not _same(sale, by_id.get(sale.sale_id))
        }
    verdict.lost, verdict.doubled = len(wrong), len(double)


def _same(sale: Sale, found: dict[str, Any] | None) -> bool:
    """Compare a sale with the driver's memory: place, number, every line, the total and the tender."""
    if found is None or sale.answer is None:
        return False
    lines = [
        (line["dish_id"], line["qty"], line.get("weight_g", 0), [one["id"] for one in line["modifiers"]])
        for line in found["lines"]
    ]
    asked = [(line.dish_id, line.qty, line.weight_g, list(line.modifiers)) for line in sale.order.lines]
    tender = found["tenders"][0]
    order = sale.order
    return (
        found["store"] == sale.store
        and found["receipt_no"] == sale.answer["receipt_no"]
        and lines == asked
        and sum(line["amount_fen"] for line in found["lines"]) == found["total_fen"] == order.total_fen
        and (tender["received_fen"], tender["change_fen"], tender["amount_fen"])
        == (order.received_fen, order.received_fen - order.total_fen, order.total_fen)
    )


def _papers(store: Store) -> list[_Paper]:
    read: list[_Paper] = []
    for slip in Roll(store.roll_url).slips():
        decoded = decoder.decode(slip.raw)
        lines = [line.strip() for line in decoded.text.splitlines() if line.strip()]
        number = next((words[-1] for line in lines if (words := line.split()) and words[0] in {"单号", "No."}), "")
        read.append(
            _Paper(
                store=store.id,
                index=slip.index,
                receipt_no=number,
                complete=slip.complete,
                marked=bool(lines) and REPRINT_MARK in lines[0],
                code=codes.find(decoded.qr[0]) if decoded.qr else None,
            )
        )
    return read


def _judge_paper(verdict: Verdict, papers: list[_Paper], at_edge: list[dict[str, Any]]) -> None:
    seen: set[tuple[str, str]] = set()
    whole: set[tuple[str, str]] = set()
    for paper in papers:
        if not paper.receipt_no:
            # A kitchen docket that came here because its own printer could not print, or too little to tell.
            continue
        number = (paper.store, paper.receipt_no)
        if paper.marked:
            verdict.reprints_marked += 1
        elif number in seen:
            verdict.reprints_unmarked += 1
        seen.add(number)
        if paper.complete and paper.code is not None:
            whole.add(number)
    sold = {(sale["store"], sale["receipt_no"]) for sale in at_edge}
    verdict.receipts_printed = len(whole & sold)
    verdict.invites_issued = len({sale["invite"]["code"] for sale in at_edge})


def _read_optically(world: World, papers: list[_Paper]) -> dict[tuple[str, int], str]:
    rolls = {store.id: Roll(store.roll_url) for store in world.stores}
    whole = [paper for paper in papers if paper.complete and paper.code is not None]
    chosen = whole[:: max(1, len(whole) // OPTICAL_READS)][:OPTICAL_READS]
    read: dict[tuple[str, int], str] = {}
    for paper in chosen:
        image = Image.open(BytesIO(rolls[paper.store].png(paper.index)))
        found = zxingcpp.read_barcodes(image, formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode))
        code = codes.find(found[0].text) if found else None
        if code is not None:
            read[(paper.store, paper.index)] = code
    return read


def _verify_invites(
    verdict: Verdict,
    world: World,
    doors: dict[str, Door],
    papers: list[_Paper],
    optical: dict[tuple[str, int], str],
) -> None:
    """Take each invite from paper to the other store; one read off the drawing counts as it was read there."""
    names = [store.id for store in world.stores]
    accepted: set[str] = set()
    for paper in papers:
        if paper.code is None or not paper.complete:
            continue
        code = optical.get((paper.store, paper.index), paper.code)
        other = names[(names.index(paper.store) + 1) % len(names)]
        told = doors[other].ask_patiently("POST", "/api/v1/invites/verify", {"code": code}).body
        if told["verdict"] == "valid" and told["store"] == paper.store:
            accepted.add(code)
    verdict.invites_verified = len(accepted)
    verdict.invites_read_optically = len(optical)


def _chains_hold(world: World, hub_door: Door) -> bool:
    at_hub = hub_door.ask_patiently("GET", "/api/v1/stores").body["stores"]
    commands = [
        [sys.executable, "-m", "edge", "verify", "--config", str(store.config), "--json"] for store in world.stores
    ]
    commands.append([sys.executable, "-m", "cloud", "verify", "--config", str(world.folder / "hub.toml"), "--json"])
    proved = [
        subprocess.run(command, cwd=ROOT, capture_output=True, timeout=240, check=False).returncode == 0
        for command in commands
    ]
    return all(proved) and len(at_hub) == len(world.stores) and all(store["chain_ok"] for store in at_hub)


def _conclude(verdict: Verdict, wanted: int, club: Club) -> None:
    rules = {
        "lost = 0": verdict.lost == 0,
        "doubled = 0": verdict.doubled == 0,
        "reprints_unmarked = 0": verdict.reprints_unmarked == 0,
        "amounts equal and above zero": verdict.amount_edge_fen == verdict.amount_hub_fen > 0,
        f"sales_confirmed ≥ {wanted}": verdict.sales_confirmed >= wanted,
        "every sale printed": verdict.receipts_printed >= verdict.sales_confirmed,
        "reprints_marked ≥ 1": verdict.reprints_marked >= 1,
        "invites verified = issued = confirmed": verdict.invites_verified
        == verdict.invites_issued
        == verdict.sales_confirmed,
        f"invites read off the drawn paper ≥ {min(50, wanted)}": verdict.invites_read_optically >= min(50, wanted),
        "members joined at the other store, one under each number": 0
        < club.joined
        == club.members_hub
        == len(club.phones),
        "points at the stores = at the hub = as the paper promised": 0
        < verdict.points_edge
        == verdict.points_hub
        == club.owed,
        "chains hold": verdict.chain_ok,
        f"catch_up_s ≤ {CATCH_UP_S_MAX}": verdict.catch_up_s <= CATCH_UP_S_MAX,
    }
    verdict.failed = [rule for rule, met in rules.items() if not met]
    verdict.ok = not verdict.failed
