"""The register of functions: everything that a person can do at the node, how, who may, and what of it goes without the network.

The file `edge/functions.toml` is the one place that says so. The tests hold it against the routes, the keys and the menus of the
product, `dev.py offline` drives each function with the uplink cut, and the page "what works now" is drawn from it.
"""

import enum
from typing import Final

import msgspec

from edge.domain.roles import Action


class Offline(enum.StrEnum):
    """What of a function goes while the uplink is cut, judged by what the guest gets at the counter."""

    FULL = "full"
    LIMITED = "limited"
    NETWORK = "network"


EVERYONE: Final = "everyone"
"""Whoever is signed in at the till."""
GUEST: Final = "guest"
"""Nobody signs in: guests, cooks, who stands before a locked till or a browser that is to be paired."""
MACHINE: Final = "machine"
"""No person at all: files of the pages, figures for a collector, the description of the API."""
ROLES: Final = frozenset({EVERYONE, GUEST, MACHINE, *(action.value for action in Action)})


class Needs(enum.StrEnum):
    """Which way out a function takes, where it does not go whole without the network."""

    NOTHING = ""
    HUB = "hub"
    GATEWAY = "gateway"
    PLATFORM = "platform"


class Function(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Something that a person can do at the node.

    Attributes:
        id: `area.name`; also names its driver in `scripts/offline/`.
        zh: what it is called, for the page; likewise `en`.
        role: the action of `edge.domain.roles` that is asked for it, or `everyone`, `guest`, `machine`.
        routes: `METHOD /address`; a route that does several things says behind it which, `POST /x/steps void`.
        keys: `where:key`, as the till listens to them.
        menu: `where:entry`, as the screens list them.
        offline: what of it goes without the network; where not all, `needs` names the way out that it takes, and `limit_zh` and
            `limit_en` say in a sentence what is missing.
        presses: how often a day it is used at a store of 200 covers; weighs the score.
        proof: the test that shows it.
    """

    id: str
    zh: str
    en: str
    role: str
    offline: Offline
    presses: int
    proof: str
    routes: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    menu: tuple[str, ...] = ()
    needs: Needs = Needs.NOTHING
    limit_zh: str = ""
    limit_en: str = ""


class _Register(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    function: tuple[Function, ...]


def read(text: str) -> tuple[Function, ...]:
    """Read the register, in its order.

    Args:
        text: the file `edge/functions.toml`.

    Raises:
        ValueError: something in it cannot be; each fault is named.
    """
    try:
        found = msgspec.toml.decode(text, type=_Register).function
    except msgspec.MsgspecError as error:
        raise ValueError(f"edge/functions.toml: {error}") from error
    faults = [fault for one in found for fault in faults_of(one)]
    for what in ("id", "routes", "keys", "menu"):
        said = [each for one in found for each in ((one.id,) if what == "id" else getattr(one, what))]
        faults += [f"{what}: {each} is said twice" for each in sorted({each for each in said if said.count(each) > 1})]
    if faults:
        raise ValueError("edge/functions.toml: " + "; ".join(faults))
    return found


def faults_of(one: Function) -> list[str]:
    """Say what is wrong with one entry by itself."""
    found = []
    if one.role not in ROLES:
        found.append(f"{one.id}: no action is called {one.role}")
    if not (one.zh.strip() and one.en.strip()):
        found.append(f"{one.id}: it has a name in both languages")
    if not (one.routes or one.keys or one.menu):
        found.append(f"{one.id}: nobody can reach it")
    if one.presses < 0 or (one.role == MACHINE and one.presses):
        found.append(f"{one.id}: presses are of persons, and none is below zero")
    if (one.offline is Offline.FULL) != (not one.limit_zh and not one.limit_en):
        found.append(f"{one.id}: what does not go whole without the network says its limit, and only that")
    if (one.offline is Offline.FULL) != (one.needs is Needs.NOTHING):
        found.append(f"{one.id}: what does not go whole without the network says what it needs, and only that")
    if one.offline is not Offline.FULL and not (one.limit_zh and one.limit_en):
        found.append(f"{one.id}: a limit is said in both languages")
    return found


def of_people(functions: tuple[Function, ...]) -> tuple[Function, ...]:
    """Leave out what no person does."""
    return tuple(one for one in functions if one.role != MACHINE)
