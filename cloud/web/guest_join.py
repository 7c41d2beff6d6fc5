"""What a guest's form says, and what came of it: joining with a receipt's invite on the hub's own page (membership.md §5.2)."""

import re

import msgspec
from werkzeug.datastructures import MultiDict

from sync.contract import member_cards, phones
from sync.contract.member_cards import Profile
from sync.contract.members import PURPOSES, Consent, Purpose

TEXT = "hub-join-1"
"""The version of what is read beside the boxes: another wording is another version."""
_ONCE = re.compile(r"[0-9a-f]{32}")
_BETWEEN = re.compile(r"[,，、;；\n]+")


class JoinForm(msgspec.Struct, frozen=True, kw_only=True):
    """What a guest wrote. `wrong` names what must be looked at again, empty where it is sound; see the words `guest_join.wrong_…`."""

    phone: str = ""
    name: str = ""
    allergies: str = ""
    agreed: tuple[Purpose, ...] = ()
    once: str = ""
    wrong: str = ""
    profile: Profile = Profile()

    def __repr__(self) -> str:
        """Show nobody."""
        return "JoinForm()"

    def consents(self) -> list[Consent]:
        """Give what was agreed to: what was not ticked was not asked for a second time and is no consent."""
        return [Consent(purpose=one, given=True, text=TEXT, channel="phone") for one in self.agreed]


def read(form: "MultiDict[str, str]", locale: str) -> JoinForm:
    """Read a form; what is not sound is named in `wrong`, the first of it."""
    told = {name: form.get(name, "").strip() for name in ("phone", "name", "allergies", "once")}
    agreed = tuple(one for one in PURPOSES if form.get(f"purpose_{one}") == "yes")
    number = phones.normal(told["phone"]) if told["phone"] else ""
    words = tuple(dict.fromkeys(one.strip() for one in _BETWEEN.split(told["allergies"]) if one.strip()))
    profile = Profile(phone=number or "", name=told["name"], allergies=words, locale=locale)
    return JoinForm(
        **told, agreed=agreed, profile=profile, wrong=_wrong(profile, agreed, told["once"], no_phone=number is None)
    )


def _wrong(profile: Profile, agreed: tuple[Purpose, ...], once: str, *, no_phone: bool) -> str:
    if no_phone:
        return "phone"
    mistakes = member_cards.profile_mistakes(profile)
    if mistakes:
        return mistakes[0] if mistakes[0] in ("name", "allergies") else "form"
    if "membership" not in agreed:
        return "membership"
    if profile.allergies and "allergy" not in agreed:
        return "allergy"
    return "" if _ONCE.fullmatch(once) else "form"
