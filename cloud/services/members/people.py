"""Who members are, as far as the hub can know: profiles opened with keys that lie apart, and what finds them again."""

import logging
from collections.abc import Iterable
from typing import TypeVar

import msgspec

from cloud.db import members
from cloud.db.engine import Reader, Tx
from cloud.db.members import ConsentRow, MemberRow
from cloud.services.members.shared import Shared
from sync.contract.facts import ContractError
from sync.contract.member_cards import Profile
from sync.contract.members import Consent
from sync.node import member_seal
from sync.node.boxes import BoxError

TAIL_DIGITS = 4
T = TypeVar("T")

log = logging.getLogger(__name__)


def open_profile(shared: Shared, row: MemberRow) -> Profile | None:
    """Open a member's profile; None where there is none, or its key is not here (any more).

    Whoever shows it to a person logs that before (`cloud.services.members.desk`).
    """
    if not row.sealed:
        return None
    try:
        key = shared.keys.get(row.member_id)
        return None if key is None else member_seal.unseal(row.sealed, row.member_id, key.key)
    except (ContractError, BoxError):
        log.warning("member.profile_unreadable", extra={"member": row.member_id[:8]})
        return None


def note_consents(tx: Tx, member_id: str, consents: Iterable[Consent], *, store: str, at_ms: int, number: int) -> None:
    """Keep what a member said; whoever takes the word for profiling back has nothing kept of what they ordered."""
    for consent in consents:
        members.insert_consent(
            tx,
            ConsentRow(
                member_id,
                consent.purpose,
                at_ms,
                number,
                int(consent.given),
                consent.text[:120],
                consent.channel,
                store,
            ),
        )
        if consent.purpose == "profiling" and not consent.given:
            members.clear_dishes(tx, [member_id])


def find_phone(reader: Reader, shared: Shared, phone: str) -> str | None:
    """Find the member who has a phone number (E.164)."""
    found = members.found_by(reader, members.PHONE, phone_digest(shared, phone))
    return members.resolve(reader, found[0]) if found else None


def find_tail(reader: Reader, shared: Shared, digits: str) -> list[str]:
    """Find the members whose phone numbers end in four digits."""
    found = members.found_by(reader, members.TAIL, tail_digest(shared, digits), limit=200)
    return list(dict.fromkeys(members.resolve(reader, one) for one in found))


def phone_digest(shared: Shared, phone: str) -> str:
    """Give what a phone number is found by at the hub."""
    return member_seal.phone_digest(shared.secrets.phones, phone)


def tail_digest(shared: Shared, digits: str) -> str:
    """Give what the last four digits are found by at the hub."""
    return member_seal.word_digest(shared.secrets.phones, f"tail|{digits}")


def reseal(tx: Tx, shared: Shared, row: MemberRow, profile: Profile, at_ms: int) -> bool:
    """Seal a profile anew under its member's key and keep it; gives whether the key is here."""
    key = shared.keys.get(row.member_id)
    if key is None:
        return False
    sealed = member_seal.seal(profile, row.member_id, key.key, shared.chance)
    members.put_profile(tx, row.member_id, key.key_id, sealed, max(at_ms, row.profiled_ms))
    return True


def combined(first: Profile, second: Profile) -> Profile:
    """Lay two profiles of one person over each other: the first one's words hold, and no allergy is lost."""
    return msgspec.structs.replace(
        first,
        phone=first.phone or second.phone,
        name=first.name or second.name,
        birthday=first.birthday or second.birthday,
        dates=_union(first.dates, second.dates),
        allergies=_union(first.allergies, second.allergies),
        avoids=_union(first.avoids, second.avoids),
        likes=_union(first.likes, second.likes),
        note=first.note or second.note,
        locale=first.locale or second.locale,
        email=first.email or second.email,
        address=first.address or second.address,
    )


def _union(first: tuple[T, ...], second: tuple[T, ...]) -> tuple[T, ...]:
    return tuple(dict.fromkeys((*first, *second)))
