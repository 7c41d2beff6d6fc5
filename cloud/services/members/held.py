"""Everything that is held of a member, for the member (PIPL art. 45): plain values for JSON, and the same as a table."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import msgspec

from cloud.db import centre, devices, members
from cloud.db import ledger as rows
from cloud.db import referrals as referral_rows
from cloud.db.engine import Reader
from cloud.db.members import MemberRow
from cloud.services.members import cards, people
from cloud.services.members.shared import Shared, everybody, standing

EVERYTHING = 10_000
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def everything(shared: Shared, reader: Reader, row: MemberRow) -> dict[str, Any]:
    """Give all that is held of a member."""
    whole = everybody(reader, row.member_id)
    brought_by = referral_rows.referral_of(reader, row.member_id)
    found = {
        "member_id": row.member_id,
        "joined_day": row.joined_day,
        "home_store": row.home_store,
        "joined_by": {"place": row.place, "code": row.code, "at": row.at},
        "profile": people.open_profile(shared, row),
        "consents": members.consents_of(reader, whole),
        "bills": members.sales_of(reader, whole, EVERYTHING),
        "dishes": members.top_dishes(reader, whole, EVERYTHING),
        "habits": cards.habits_of(reader, whole) if "profiling" in cards.consents_now(reader, whole) else None,
        "points_now": sum(lot.left for lot in cards.all_lots(reader, whole)),
        "points": [
            {
                "day": line.journal.day,
                "kind": line.journal.kind,
                "ref": line.journal.ref,
                "account": line.account.rsplit(":", 1)[-1],
                "amount": line.amount,
            }
            for line in rows.history(reader, whole, EVERYTHING)
        ],
        "cards": len(members.digests_of(reader, whole, members.TOKEN)),
        "was_brought": brought_by is not None,
        "brought": [one.bound_ms for one in referral_rows.by_referrer(reader, whole)],
        "stores": members.stores_of(reader, [row.member_id]).get(row.member_id, []),
        "phones_noted": len(devices.devices_of(reader, whole)),
        "page_opened": bool(centre.opened_by(reader, row.member_id)),
    }
    plain: dict[str, Any] = msgspec.to_builtins(found)
    return plain


def of_member(shared: Shared, member_id: str) -> dict[str, Any]:
    """Give a member all that is held of them; the caller knows that it is them.

    Raises:
        NoMember: there is none (any more).
    """
    with shared.database.read() as reader:
        return everything(shared, reader, standing(reader, member_id))


def as_table(held: dict[str, Any]) -> str:
    """Write what is held as CSV: part, number, field, value. No cell is a formula to a spreadsheet."""
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(("part", "number", "field", "value"))
    for part, value in held.items():
        many = value if isinstance(value, list) else [value]
        for number, one in enumerate(many, start=1):
            table.writerows((part, number, field, _cell(each)) for field, each in _fields(one))
    return text.getvalue()


def _fields(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - plain values
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _fields(each, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list):
        for number, each in enumerate(value, start=1):
            yield from _fields(each, f"{name}.{number}" if name else str(number))
    else:
        yield name, value


def _cell(value: Any) -> Any:  # noqa: ANN401 - plain values
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
