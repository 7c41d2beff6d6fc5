"""Members: joined, found, given points and forgotten while nobody can be asked."""

import re
import urllib.parse
import urllib.request
from itertools import count
from typing import Any

from scripts.offline.counter import FORBIDDEN, WOK_DISH, WOK_FEN, Counter
from scripts.offline.frame import drives, hold

_PHONES = count(13_900_000_001)
TEXT = "2026-11/zh"
EARNS = 1
"""Points for a yuan, by the rules that hold where HQ published none."""
STEP_FEN = 100
"""What the fewest points that pay are worth, by the same rules."""


def joined(counter: Counter, **said: object) -> tuple[str, str]:
    """Let a guest join; gives the member and their number."""
    number = str(next(_PHONES))
    body = {
        "request_id": counter.id(),
        "consents": ["membership", "allergy"],
        "text": TEXT,
        "said": {"phone": number, **said},
    }
    return str(counter.do("POST", "members", body)["member_id"]), number


def shown(counter: Counter, member_id: str) -> dict[str, Any]:
    """Give a member as the till shows them."""
    found: dict[str, Any] = counter.do("GET", f"members/{member_id}")
    return found


@drives("members.join")
def join(counter: Counter) -> None:
    """Whoever joins is welcomed, and a second time they are the same."""
    member_id, number = joined(counter)
    hold(shown(counter, member_id)["points"] > 0, "the welcome is there")
    body = {"request_id": counter.id(), "consents": ["membership"], "text": TEXT, "said": {"phone": number}}
    again = counter.do("POST", "members", body)
    hold((again["member_id"], again.get("existing")) == (member_id, True), "a second join is the same member")


@drives("members.find")
def find(counter: Counter) -> None:
    """A member is found by the whole number and by its end, and never shown in clear."""
    member_id, number = joined(counter)
    for text in (number, f"+86 {number}", number[-4:]):
        found = counter.do("POST", "members/find", {"text": text})
        hold(member_id in {one["member_id"] for one in found["members"]}, "the member is found")
        hold(number not in str(found), "the number is masked")


@drives("members.read")
def read(counter: Counter) -> None:
    """A bill earns, and the screen says so at once."""
    member_id, _ = joined(counter, allergies=["花生"])
    before = shown(counter, member_id)
    hold(before["allergies"] == ["花生"], "what must not be eaten is shown")
    sale = counter.sell(member_id=member_id)
    earned = sale["total_fen"] // 100 * EARNS
    hold(shown(counter, member_id)["points"] == before["points"] + earned, "the bill's points are there")


@drives("members.seen")
def seen(counter: Counter) -> None:
    """A sign-in counts once a day."""
    member_id, _ = joined(counter)
    given = [
        counter.do(
            "POST",
            "members/seen",
            {"request_id": counter.id(), "member_id": member_id, "by": "phone", "sign_in": True},
        )["points"]
        for _ in range(2)
    ]
    hold(given[0] > 0 and given[1] == 0, "a sign-in is thanked for once")


@drives("members.thank")
def thank(counter: Counter) -> None:
    """A review is thanked for with a supervisor's word."""
    member_id, _ = joined(counter)
    body = {"request_id": counter.id(), "member_id": member_id, "by": "review"}
    hold(counter.with_word("POST", "members/thank", body)["points"] > 0, "a review is thanked for")


@drives("members.claim")
def claim(counter: Counter) -> None:
    """A receipt's points are somebody's once."""
    sale = counter.sell()
    member_id, _ = joined(counter)
    body = {"member_id": member_id, "invite": sale["invite"]["url"]}
    given = counter.do("POST", "members/claim", {"request_id": counter.id(), **body})
    hold(given["points"] == sale["total_fen"] // 100 * EARNS, "the receipt's points are there")
    again = counter.ask("POST", "members/claim", {"request_id": counter.id(), **body})
    hold(again.body["code"] == "claim_done", "once")


@drives("members.consent")
def consent(counter: Counter) -> None:
    """Allergies are gone with their consent."""
    member_id, _ = joined(counter, allergies=["花生"])
    body = {"request_id": counter.id(), "member_id": member_id, "purpose": "allergy", "given": False, "text": TEXT}
    counter.do("POST", "members/consent", body)
    hold(shown(counter, member_id)["allergies"] == [], "what was taken back is not shown")


@drives("members.profile")
def profile(counter: Counter) -> None:
    """A new number finds the member, the old one nobody."""
    member_id, old = joined(counter)
    new = str(next(_PHONES))
    counter.do("POST", "members/profile", {"request_id": counter.id(), "member_id": member_id, "said": {"phone": new}})
    found = [counter.do("POST", "members/find", {"text": text})["members"] for text in (new, old)]
    hold([one["member_id"] for one in found[0]] == [member_id] and found[1] == [], "only the new number finds them")


@drives("members.card")
def card(counter: Counter) -> None:
    """A card finds the member."""
    member_id, number = joined(counter)
    counter.do(
        "POST", "members/card", {"request_id": counter.id(), "member_id": member_id, "card": f"04A2{number[-6:]}"}
    )
    found = counter.do("POST", "members/find", {"text": f"04A2{number[-6:]}"})
    hold([one["member_id"] for one in found["members"]] == [member_id], "the card finds them")


@drives("members.reveal")
def reveal(counter: Counter) -> None:
    """Who a member is is read with a reason and a word."""
    member_id, number = joined(counter)
    body = {"request_id": counter.id(), "member_id": member_id, "reason": "lost umbrella"}
    clear = counter.with_word("POST", "members/reveal", body)
    hold(clear["profile"]["phone"].endswith(number), "the number is there in clear")


@drives("members.leave")
def leave(counter: Counter) -> None:
    """Whoever leaves is nobody at once."""
    member_id, number = joined(counter)
    counter.with_word("POST", "members/leave", {"request_id": counter.id(), "member_id": member_id})
    hold(counter.do("POST", "members/find", {"text": number})["members"] == [], "nobody is found")
    hold(not counter.ask("GET", f"members/{member_id}").fine, "nobody is shown")


@drives("members.gifts")
def gifts(counter: Counter) -> None:
    """HQ of the drive offers nothing: the list says so, and does not fail."""
    hold(counter.do("GET", "members/gifts")["gifts"] == [], "nothing is offered")


@drives("members.redeem")
def redeem(counter: Counter) -> None:
    """What is not offered is not handed out, and no point goes."""
    member_id, _ = joined(counter)
    before = shown(counter, member_id)["points"]
    body = {"request_id": counter.id(), "member_id": member_id, "gift_id": "cup", "shown_points": 10}
    hold(counter.ask("POST", "members/redeem", body).body["code"] == "gift_gone", "nothing is handed out")
    hold(shown(counter, member_id)["points"] == before, "no point is gone")


@drives("members.invite")
def invite(counter: Counter) -> None:
    """A member's own invite is printed, and whoever joins with it was brought by them."""
    member_id, _ = joined(counter)
    counter.paper.mark()
    counter.do("POST", f"members/{member_id}/invite", {"request_id": counter.id()})
    [code] = [one for one in counter.paper.comes("朋友").codes if "/J/" in one]
    verdict = counter.do("POST", "invites/verify", {"code": code})
    hold((verdict["verdict"], verdict["friend"]) == ("valid", True), "this store knows it for a friend's")
    body = {"request_id": counter.id(), "consents": ["membership"], "text": TEXT, "invite": code}
    hold(bool(counter.do("POST", "members", body).get("referred")), "who brought them is noted")


@drives("members.door")
def door(counter: Counter) -> None:
    """The slip that opens a member's page is printed with a supervisor's word, whatever HQ knows of it yet."""
    member_id, _ = joined(counter)
    counter.paper.mark()
    counter.with_word("POST", f"members/{member_id}/door", {"request_id": counter.id()})
    hold(any("/D/" in one for one in counter.paper.comes("会员页").codes), "the slip leads to the page")


@drives("pay.points_spend")
def spend(counter: Counter) -> None:
    """Points pay; what HQ did not put aside here for the member wants the manager's word, and is the store's own risk."""
    member_id, _ = joined(counter)
    counter.sell(WOK_DISH, member_id=member_id)
    has = shown(counter, member_id)["points"]
    hold(has >= WOK_FEN // 100 * EARNS, f"the bill's points are there: {has}")
    body = {
        "sale_id": counter.id(),
        "lines": [{"dish_id": WOK_DISH, "qty": 1}],
        "tenders": [{"kind": "points", "amount_fen": STEP_FEN}, {"kind": "cash", "received_fen": WOK_FEN}],
        "member_id": member_id,
    }
    first = counter.ask("POST", "sales", body)
    hold(first.status == FORBIDDEN and first.body["code"] == "needs_approval", f"it wants a word: {first.body}")
    word = counter.approve(first.body["details"])
    sold = counter.do("POST", "sales", {**body, "approvals": {"points_risk": word}})
    hold(sold["points"]["spent_fen"] == STEP_FEN, f"points paid: {sold['points']}")
    hold(shown(counter, member_id)["points"] < has + WOK_FEN // 100 * EARNS, "and are gone")


@drives("guest.join")
def guest_joins(counter: Counter) -> None:
    """A phone in the shop's network reads what a receipt holds, and joins with it, once."""
    sale = counter.sell()
    listed = counter.do("GET", "table-codes", who="manager")["codes"]
    place = urllib.parse.urlsplit(listed[0]["url"])
    address = f"{place.scheme}://{place.netloc}/J/{sale['invite']['code']}?lang=en"
    once = re.search(r'name="once" value="([0-9a-f]{32})"', _page(address))
    hold(once is not None, "the page has a form")
    form = {"once": once[1] if once else "", "phone": str(next(_PHONES)), "purpose_membership": "yes"}
    told = _page(address, form)
    hold(
        f"+{sale['points']['earned']}" in told or str(sale["points"]["earned"]) in told,
        "the receipt's points are theirs",
    )
    hold('name="once"' not in _page(address), "and nobody else's")


def _page(address: str, form: dict[str, str] | None = None) -> str:
    sent = None if form is None else urllib.parse.urlencode(form).encode()
    with urllib.request.urlopen(address, sent, timeout=30) as reply:  # noqa: S310 - our own address
        return str(reply.read().decode())
