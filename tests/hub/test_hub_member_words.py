"""What the book says of itself is told in words, in both languages: kinds of journals, conflicts, doubts about a referral."""

import ast
import inspect
from types import ModuleType

import pytest

from cloud.db import ledger, referrals
from cloud.db.ledger import By
from cloud.db.referrals import ReferralRow
from cloud.domain import booking, moves
from cloud.domain.booking import Conflict
from cloud.domain.roles import Role
from cloud.services.members import booker, recognise, referral
from cloud.services.members.shared import LedgerBook
from cloud.web import words
from sync.contract.member_cards import Profile
from sync.contract.members import Consent, Origin
from tests.hub.test_hub_people_http import Hub, hub, send

__all__ = ["hub"]

YES = (Consent(purpose="membership", given=True, text="v1", channel="phone"),)


def kinds() -> set[str]:
    """Name the kinds of journals that the code writes."""
    found = {
        value
        for module in (booking, moves)
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, str)
    }
    return {one for one in found if "." in one}


def conflicts() -> set[str]:
    """Name the conflicts that the code makes, read off its source."""
    found = {booker.FAILED}
    for module in (booking, booker, recognise):
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            found |= _named(node)
    return found


def _named(node: ast.AST) -> set[str]:
    match node:
        case ast.Call(func=ast.Name(id="Conflict"), args=[first, *_]):
            return _texts(first)
        case ast.Assign(targets=[ast.Name(id="kind")], value=value):
            return _texts(value)
        case ast.Constant(value=str() as text) if text.startswith("grant_") and text.isidentifier():
            return {text}
        case _:
            return set()


def _texts(node: ast.AST) -> set[str]:
    return {one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)}


def doubts(module: ModuleType = referral) -> set[str]:
    """Name why a referral is refused or looked at."""
    plain = {getattr(module, name) for name in ("SELF", "STAFF", "EXISTING", "MONTH_MAX", "LEFT", "BY_PERSON")}
    return plain | set(referral.FLAGGED) | {"refunded"}


def test_the_lists_are_read_off_the_code():
    assert {"points.earned", "member.merged", "grant.made", "gift.taken_back", "referral.rewarded"} <= kinds()
    assert {
        "gift_doubled",
        "claim_late",
        "claim_of_refunded",
        "grant_closed",
        "joined_twice",
        "earned_twice",
    } <= conflicts()
    assert len(conflicts()) == 17


@pytest.mark.parametrize(("about", "names"), [("kind", kinds()), ("conflict", conflicts()), ("why", doubts())])
def test_every_one_has_words_in_both_languages(about, names):
    catalogue = words.load()
    for name in sorted(names):
        told = [catalogue.text(f"members.{about}_{name.replace('.', '_')}", locale) for locale in words.LOCALES]
        assert all(told), name
        assert told[0] != told[1], name


def test_what_moves_a_members_points_has_words_on_their_own_page():
    catalogue = words.load()
    # Putting aside moves nothing that a member has, and whoever left has no page.
    for kind in sorted(kinds() - {"grant.made", "member.left"}):
        assert catalogue.has(f"guest_member.for_{kind.replace('.', '_')}"), kind


def test_the_queue_says_who_brought_whom_and_why_somebody_should_look(hub: Hub) -> None:
    box = hub.core.hub.members
    referrer, friend = (
        box.joining.join(Profile(phone=f"+86138001380{n:02d}"), YES, Origin(place="slip", store="s1")).member_id
        for n in range(2)
    )
    row = ReferralRow(friend, referrer, "s1", "same_device newer_word", 1, state=referrals.REVIEW, due_ms=1)
    with hub.core.database.write() as tx:
        ledger.hold(tx)
        referrals.insert_referral(tx, row)
    admin = hub.as_role(Role.ADMIN)
    page = admin.get("/members").get_data(as_text=True)
    assert f'data-friend="{friend}"' in page
    assert f'/members/{referrer}"' in page
    assert "同一部手机 · newer_word" in page, "a word of a newer store is shown as it is"
    assert send(admin, f"/members/referrals/{friend}", where="/members", allow="no").status_code == 303
    told = admin.get(f"/members/{referrer}").get_data(as_text=True)
    assert "人工拒绝" in told
    assert 'id="reviews"' not in admin.get("/members").get_data(as_text=True)


def test_conflicts_and_journals_are_told_in_words(hub: Hub) -> None:
    box = hub.core.hub.members
    member = box.joining.join(Profile(phone="+8613800138000"), YES, Origin(place="slip", store="s1")).member_id
    with hub.core.database.write() as tx:
        ledger.note_conflicts(
            tx, 1, "s1", 1, [Conflict("claim_of_refunded", member, "ab"), Conflict("newer_kind", "", "")]
        )
        ledger.hold(tx)
        deed = moves.issue(LedgerBook(tx, box.shared), member, 7, "i" * 32, "2026-11-22", box.desk.rules())
        ledger.write(tx, deed.journal, By("anne", 1))
    admin = hub.as_role(Role.ADMIN)
    shown = admin.get("/members/liability").get_data(as_text=True)
    assert "小票退过单，没有积分可领。" in shown
    assert "newer_kind" in shown
    assert "手工加分" in admin.get(f"/members/{member}").get_data(as_text=True)
