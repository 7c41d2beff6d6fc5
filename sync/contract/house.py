"""The rules of a house: what it charges beside its dishes, its taxes, how cash is rounded. A file and HQ both set them, checked alike."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from sync.contract import limits
from sync.contract.facts import UNREADABLE
from sync.contract.words import Name, has_control

FULL_BP = 10_000
"""All of it, in basis points."""
TAXES_MAX = 8
DISCOUNTS_MAX = 8
URL_CHARS_MAX = 200
FAPIAO_FIELDS = ("store", "no", "day", "amount")
_URL = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?([/?#][!-z|~]*)?")

Rounding = Literal["none", "jiao_down", "jiao_near", "yuan_down", "yuan_near"]
"""What cash is rounded to: not at all, to 10 fen or to 100, down or to the nearest (half up)."""
TaxRounding = Literal["bill", "line"]
BasisPoints = Annotated[int, msgspec.Meta(ge=0, le=FULL_BP)]
_ChargeFen = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
_TaxId = Annotated[str, msgspec.Meta(min_length=1, max_length=16, pattern="^[A-Za-z0-9._-]+$")]


class TaxRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tax that dishes fall under by its id; `included` = the menu's prices hold it."""

    id: _TaxId
    name: Name
    rate_bp: BasisPoints
    included: bool = True


class Preset(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A discount of the house with a key of its own at the till; `rate_bp` is what is taken off."""

    name: Name
    rate_bp: BasisPoints


class Rules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rules of the house: `[house]` in the settings of a node, and settings of the same names that HQ sends."""

    cover_fen: _ChargeFen = 0
    """What a seat costs at a table (茶位费), for each guest."""
    service_bp: BasisPoints = 0
    """Service charge at tables, of the dishes after discounts."""
    packing_fen: _ChargeFen = 0
    """What packing costs for a whole order that is taken away, beside what its dishes say."""
    taxes: tuple[TaxRule, ...] = ()
    line_tax: str = ""
    """The tax of dishes that name none; empty = none."""
    charge_tax: str = ""
    """The tax of seats, packing, minimum and service; empty = none."""
    tax_rounding: TaxRounding = "bill"
    """`bill`: each tax is rounded once; `line`: for each line and charge."""
    rounding: Rounding = "none"
    """What cash is rounded to (抹零)."""
    discounts: tuple[Preset, ...] = ()
    """Discounts with a key at the till. The limits of roles hold for them too."""
    fapiao_url: str = ""
    """Where a guest asks for an invoice (发票); printed as a QR code with {store}, {no}, {day}, {amount} filled in. Empty = no code."""


FIELDS = Rules.__struct_fields__
"""The names of the rules, which are also those of HQ's settings."""


def rule_mistakes(rules: Rules) -> list[str]:
    """List what does not hold together in the rules of a house, in sentences; an empty list means that they may come into force."""
    found: list[str] = []
    ids = [tax.id for tax in rules.taxes]
    if len(ids) > TAXES_MAX or len(set(ids)) != len(ids):
        found.append(f"taxes: {TAXES_MAX} at most, each id once")
    found += [
        f"{key}: there is no tax {tax!r} among taxes"
        for key, tax in (("line_tax", rules.line_tax), ("charge_tax", rules.charge_tax))
        if tax and tax not in ids
    ]
    if len(rules.discounts) > DISCOUNTS_MAX:
        found.append(f"discounts: {DISCOUNTS_MAX} at most")
    for name in (*(tax.name for tax in rules.taxes), *(preset.name for preset in rules.discounts)):
        if not all(
            0 < len(text.strip()) <= limits.NAME_CHARS_MAX and not has_control(text) for text in (name.zh, name.en)
        ):
            found.append("taxes, discounts: a name in both languages, without control characters")
    if rules.fapiao_url and not _is_fapiao_url(rules.fapiao_url):
        found.append(
            f"fapiao_url: an http(s) address of at most {URL_CHARS_MAX} characters,"
            f" with {', '.join('{' + one + '}' for one in FAPIAO_FIELDS)} where wanted and no other braces"
        )
    return found


def field_mistake(key: str, value: object) -> str | None:
    """Say in a sentence what is wrong with the value of one rule; None when nothing is.

    That a tax is there which another rule names is not asked: the two may come one after the other.
    """
    try:
        rules = msgspec.convert({key: value}, Rules)
    except UNREADABLE as error:
        return f"{key}: {error}"
    found = rule_mistakes(msgspec.structs.replace(rules, line_tax="", charge_tax=""))
    return "; ".join(found) or None


def said(values: Mapping[str, Any]) -> dict[str, Any]:
    """Give the rules among sound settings, as values of `Rules`."""
    found = {key: values[key] for key in FIELDS if key in values}
    rules = msgspec.convert(found, Rules) if found else Rules()
    return {key: getattr(rules, key) for key in found}


def _is_fapiao_url(url: str) -> bool:
    plain = url
    for one in FAPIAO_FIELDS:
        plain = plain.replace("{" + one + "}", "")
    return len(url) <= URL_CHARS_MAX and _URL.fullmatch(plain) is not None
