"""The rules of points as a file of HQ (TOML): read whole, told as a diff, published under the next number (membership.md §6.3)."""

import tomllib
from typing import Any

import msgspec

from cloud.services.accounts import CLI
from cloud.services.members.desk import MemberDesk
from sync.contract import points, times
from sync.contract.points import Rules

FILE_BYTES_MAX = 256 << 10


class BadRules(ValueError):
    """A file that is no set of rules; the text says where and what to do."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that becomes another."""

    rule: str
    was: Any
    now: Any


def read(raw: bytes, before: Rules) -> Rules:
    """Read a file; what it does not name stays as it is.

    Raises:
        BadRules: it cannot be read, names what is no rule, or rules that do not go together.
    """
    if len(raw) > FILE_BYTES_MAX:
        raise BadRules(f"the file has more than {FILE_BYTES_MAX >> 10} kB; rules are far shorter")
    try:
        said = tomllib.loads(raw.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadRules(f"this is no TOML in UTF-8: {error}") from error
    if "version" in said:
        raise BadRules("version is counted by HQ; leave it out")
    try:
        rules = msgspec.convert({**msgspec.to_builtins(before), **said}, Rules)
    except msgspec.ValidationError as error:
        raise BadRules(str(error)) from error
    _check(rules)
    return rules


def changes(before: Rules, after: Rules) -> tuple[Change, ...]:
    """List the rules that become others."""
    old, new = (msgspec.json.decode(msgspec.json.encode(rules)) for rules in (before, after))
    return tuple(
        Change(rule=rule, was=old[rule], now=new[rule]) for rule in old if rule != "version" and old[rule] != new[rule]
    )


def answer(desk: MemberDesk, request: dict[str, Any]) -> dict[str, Any]:
    """Show the rules in force, or publish those of a file; `dry_run` says what would change and writes nothing."""
    before = desk.rules()
    if "content" not in request:
        return {"ok": True, "version": before.version, "rules": msgspec.to_builtins(before)}
    try:
        after = read(str(request["content"]).encode(), before)
    except BadRules as error:
        return {"ok": False, "error": str(error)}
    found = changes(before, after)
    version = before.version
    if found and not request.get("dry_run"):
        version = desk.publish_rules(after, CLI)
    return {"ok": True, "version": version, "changes": [msgspec.to_builtins(one) for one in found]}


def _check(rules: Rules) -> None:
    ids = [gift.gift_id for gift in rules.gifts]
    twice = next((one for one in ids if ids.count(one) > 1), "")
    if twice:
        raise BadRules(f"gifts: {twice} is named twice")
    for number, double in enumerate(rules.doubles, start=1):
        if not (double.days or double.weekdays or double.month_days):
            raise BadRules(f"doubles: number {number} names no day; give days, weekdays or month_days")
        for day in double.days:
            _day(f"doubles: number {number}", day)
    for gift in rules.gifts:
        if gift.last_day:
            _day(f"gifts: {gift.gift_id}", gift.last_day)
        if gift.kind == "dish" and not gift.dish_id:
            raise BadRules(f"gifts: {gift.gift_id} is a dish; name its dish_id")
    if points.worth_fen(rules, rules.step) * rules.points > rules.step * rules.per_fen:
        raise BadRules(
            "points would pay more than a guest spends to earn them; check points, per_fen, step and step_fen"
        )


def _day(where: str, day: str) -> None:
    try:
        times.epoch_day(day)
    except ValueError as error:
        raise BadRules(f"{where}: {day} is no day") from error
