"""What works now: the register of functions beside how the ways out stand, for the page of that name."""

from functools import cache
from pathlib import Path

import msgspec

import edge
from edge.domain import functions
from edge.domain.device_rows import PrinterRow
from edge.domain.functions import Function, Needs, Offline
from edge.services.care import status
from edge.services.care.status import Desk


class WayOut(msgspec.Struct, frozen=True, kw_only=True):
    """A way out of the house: `hub`, `gateway` or `platform`, and how it stands: `ok`, `away`, or `none` where the store has none."""

    needs: Needs
    state: str
    name_zh: str = ""
    name_en: str = ""


class PrinterNow(msgspec.Struct, frozen=True, kw_only=True):
    """A printer as it is now: a state and a cause of `edge.domain.device_view`."""

    id: str
    name: str
    state: str
    cause: str


class Works(msgspec.Struct, frozen=True, kw_only=True):
    """A function that does not go whole without the network; `now` = all of it works at this moment."""

    id: str
    zh: str
    en: str
    offline: Offline
    needs: Needs
    limit_zh: str
    limit_en: str
    now: bool


class Whole(msgspec.Struct, frozen=True, kw_only=True):
    """A function that goes whole without the network; `area` is the part of its id before the dot."""

    id: str
    area: str
    zh: str
    en: str


class WorksView(msgspec.Struct, frozen=True, kw_only=True):
    """What works now. `network` needs the network, `limited` goes without it within a limit, `whole` is all the rest."""

    ways: tuple[WayOut, ...]
    printers: tuple[PrinterNow, ...]
    network: tuple[Works, ...]
    limited: tuple[Works, ...]
    whole: tuple[Whole, ...]


@cache
def register() -> tuple[Function, ...]:
    """Read the register that lies in the package."""
    return functions.read((Path(edge.__file__).parent / "functions.toml").read_text(encoding="utf-8"))


def view(desk: Desk) -> WorksView:
    """Say what works now."""
    ways = _ways(desk)
    up = {need: any(way.state == "ok" for way in ways if way.needs is need) for need in Needs}
    people = functions.of_people(register())
    return WorksView(
        ways=ways,
        printers=_printers(desk),
        network=tuple(_works(one, now=up[one.needs]) for one in people if one.offline is Offline.NETWORK),
        limited=tuple(_works(one, now=up[one.needs]) for one in people if one.offline is Offline.LIMITED),
        whole=tuple(
            Whole(id=one.id, area=one.id.partition(".")[0], zh=one.zh, en=one.en)
            for one in people
            if one.offline is Offline.FULL
        ),
    )


def _works(one: Function, *, now: bool) -> Works:
    return Works(
        id=one.id,
        zh=one.zh,
        en=one.en,
        offline=one.offline,
        needs=one.needs,
        limit_zh=one.limit_zh,
        limit_en=one.limit_en,
        now=now,
    )


def _ways(desk: Desk) -> tuple[WayOut, ...]:
    node = desk.node
    hub = status.status(desk, None).hub.state
    gateway = node.gateway
    platforms = tuple(
        WayOut(
            needs=Needs.PLATFORM,
            state="away" if node.intake.is_away(one.settings.id) else "ok",
            name_zh=one.settings.name_zh or one.settings.id,
            name_en=one.settings.name_en or one.settings.name_zh or one.settings.id,
        )
        for one in node.intake.counters.values()
    )
    return (
        WayOut(needs=Needs.HUB, state="none" if node.training else "ok" if hub == "connected" else "away"),
        WayOut(needs=Needs.GATEWAY, state="none" if gateway.gateway is None else "away" if gateway.away else "ok"),
        *(platforms or (WayOut(needs=Needs.PLATFORM, state="none"),)),
    )


def _printers(desk: Desk) -> tuple[PrinterNow, ...]:
    names = {row.id: row.name or row.id for row in desk.node.devices.of(PrinterRow)}
    return tuple(
        PrinterNow(id=one.id, name=names[one.id], state=one.state, cause=one.cause)
        for one in desk.devices()
        if one.id in names
    )
