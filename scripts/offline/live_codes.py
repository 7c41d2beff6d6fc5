"""Live codes: made at HQ while it was there, opened in the shop and printed while it is not."""

import http.cookiejar
import re
import urllib.parse
import urllib.request
from typing import Any

from scripts.offline.counter import Counter
from scripts.offline.frame import drives, hold
from scripts.offline.world import wait_for

PLACE, AT = "staff", "Lin"
PHONE = "13988000001"


def make_code(counter: Counter) -> dict[str, Any]:
    """Let HQ make a code for the store, on its page; gives it as the store has it then."""
    console, world = counter.world.console_url, counter.world
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    _send(browser, f"{console}/sign-in", {"password": world.console_password})
    form = {"store": world.store.id, "place": PLACE, "ats": AT, "label_zh": "{at}", "target": "join"}
    _send(browser, f"{console}/live-codes", form)
    wait_for(lambda: _codes(counter), "the store to have its code")
    [made] = _codes(counter)
    page = str(browser.open(f"{console}/live-codes/{made['code_id']}.svg", timeout=30).read().decode())
    hold(made["short"] in page, "HQ has it to print")
    return made


@drives("guest.live_code")
def opens(counter: Counter) -> None:
    """A phone in the shop's network opens the code and joins by it; a forged one opens nothing."""
    url = _printed(counter, "house")
    address = f"{url.lower().rpartition('/c/')[0]}/C/{url.rpartition('/')[2]}"
    once = re.search(r'name="once" value="([0-9a-f]{32})"', _read(address))
    hold(once is not None, "the page has a form")
    form = {"once": once[1] if once else "", "phone": PHONE, "purpose_membership": "yes"}
    hold('data-testid="done"' in _read(address, form), "they are a member")
    found = counter.do("POST", "members/find", {"text": PHONE})["members"]
    hold(len(found) == 1, "and the till finds them")
    turned = address[:-1] + ("A" if address[-1] != "A" else "B")
    hold('name="once"' not in _read(turned), "a forged code opens no form")


@drives("house.live_codes")
def prints(counter: Counter) -> None:
    """The house lists the code, and a slip of it leads to HQ."""
    live = counter.before["live_code"]
    hold(_codes(counter) == [live], "it is listed")
    hold("/C/" in _printed(counter, "hub"), "its slip is printed")


def _printed(counter: Counter, where: str) -> str:
    live = counter.before["live_code"]
    counter.paper.mark()
    counter.do("POST", f"live-codes/{live['code_id']}/print", {"request_id": counter.id(), "where": where})
    return counter.paper.comes(live["short"]).codes[0]


def _codes(counter: Counter) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = counter.do("GET", "live-codes")["codes"]
    return found


def _send(browser: urllib.request.OpenerDirector, address: str, form: dict[str, str]) -> None:
    page = str(browser.open(address, timeout=30).read().decode())
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    hold(token is not None, f"HQ has a form at {address}")
    sent = urllib.parse.urlencode({**form, "csrf_token": token[1] if token else ""}).encode()
    browser.open(address, sent, timeout=30).read()


def _read(address: str, form: dict[str, str] | None = None) -> str:
    sent = None if form is None else urllib.parse.urlencode(form).encode()
    with urllib.request.urlopen(address, sent, timeout=30) as reply:  # noqa: S310 - our own address
        return str(reply.read().decode())
