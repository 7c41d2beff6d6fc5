"""The people of a store: put in, changed, gone, a new PIN or badge. A manager's work, but for one's own language and PIN.

While nothing can be journalled (training) people are newcomers; `declare` writes their facts at the first start with an epoch.
No PIN or badge is in a fact, in a stored answer or in what is hashed for a repeat.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import msgspec

from edge.db import staff
from edge.db.staff import BADGE, PIN, Cashier, Credential, Session
from edge.domain.refusal import Refused
from edge.domain.roles import Action, Role
from edge.services import deeds
from edge.services.deeds import Deed, Done
from edge.services.node import Node
from edge.services.people import permit, sign_in
from edge.services.people.sign_in import Shown
from sync.contract.people import PERSON_LEFT, PERSON_SET, PIN_SET, PersonLeft, PersonSet, PinSet
from sync.contract.words import LOCALES, has_control
from sync.node.database import Reader, Tx

NAME_CHARS_MAX = 20
RequestId = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$", max_length=32)]
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
_Locale = Annotated[str, msgspec.Meta(max_length=8)]
_Pin = Annotated[str, msgspec.Meta(min_length=1, max_length=32)]


class AddCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Puts somebody in; the request's id becomes theirs."""

    request_id: RequestId
    name: _Name
    role: Role
    locale: _Locale
    pin: _Pin

    def __repr__(self) -> str:
        """Show nothing of the PIN."""
        return f"AddCommand({self.role.value})"


class ChangeCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Makes somebody what they are now."""

    request_id: RequestId
    name: _Name
    role: Role
    locale: _Locale


class PersonCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Asks for something that needs no more than an id."""

    request_id: RequestId


class PinCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A new PIN for somebody who forgot theirs."""

    request_id: RequestId
    pin: _Pin

    def __repr__(self) -> str:
        """Show nothing."""
        return "PinCommand(…)"


class BadgeCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A badge or card for somebody, as a scanner or reader gave it."""

    request_id: RequestId
    badge: Annotated[str, msgspec.Meta(max_length=sign_in.BADGE_CHARS_MAX)]

    def __repr__(self) -> str:
        """Show nothing."""
        return "BadgeCommand(…)"


class OwnPinCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A new PIN in place of one's own."""

    request_id: RequestId
    pin: _Pin
    new_pin: _Pin

    def __repr__(self) -> str:
        """Show nothing."""
        return "OwnPinCommand(…)"


class LocaleCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The language that somebody reads at every till."""

    request_id: RequestId
    locale: _Locale


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody of the store as the staff page shows them."""

    id: str
    name: str
    role: Role
    locale: str
    has_pin: bool = True
    has_badge: bool = False


class _About(msgspec.Struct, frozen=True):
    """What is hashed for a repeat: no secret, but a keyed mark of it."""

    what: str
    person_id: str
    mark: bytes
    body: msgspec.Raw = msgspec.Raw(b"null")


def everybody(node: Node) -> list[Person]:
    """List who may sign in."""
    with node.db.read() as reader:
        return listed(reader)


def listed(reader: Reader) -> list[Person]:
    """List who may sign in, within a reading that is open."""
    pins, badges = staff.have(reader, PIN), staff.have(reader, BADGE)
    return [
        Person(
            id=one.cashier_id,
            name=one.name,
            role=one.role,
            locale=one.locale,
            has_pin=one.cashier_id in pins,
            has_badge=one.cashier_id in badges,
        )
        for one in staff.cashiers(reader)
    ]


def add(node: Node, who: Session, command: AddCommand) -> Done | Refused:
    """Put somebody in with a PIN."""
    one = _sound(command.request_id, command)
    if isinstance(one, Refused):
        return one
    secret = _Secret.of(node, Shown(PIN, command.pin))
    if isinstance(secret, Refused):
        return secret

    def work(book: "_Book") -> Person | Refused:
        if staff.person(book.tx, one.cashier_id) is not None:
            return Refused("request_id_reused")
        refusal = book.keep(one.cashier_id, secret)
        if refusal is not None:
            return refusal
        book.set_person(one)
        return book.seen(one.cashier_id)

    return _manage(node, who, command.request_id, _About("add", one.cashier_id, secret.mark, _raw(one)), work)


def change(node: Node, who: Session, person_id: str, command: ChangeCommand) -> Done | Refused:
    """Change a name, a role or a language; the last manager who can sign in stays one."""
    one = _sound(person_id, command)
    if isinstance(one, Refused):
        return one

    def work(book: "_Book") -> Person | Refused:
        if staff.person(book.tx, person_id) is None:
            return Refused("not_found")
        if one.role is not Role.MANAGER and book.is_last_manager(person_id):
            return Refused("last_manager")
        book.set_person(one)
        return book.seen(person_id)

    return _manage(node, who, command.request_id, _About("change", person_id, b"", _raw(one)), work)


def leave(node: Node, who: Session, person_id: str, command: PersonCommand) -> Done | Refused:
    """Let somebody sign in no more; their sessions end at once."""

    def work(book: "_Book") -> Person | Refused:
        if staff.person(book.tx, person_id) is None:
            return Refused("not_found")
        if book.is_last_manager(person_id):
            return Refused("last_manager")
        seen = book.seen(person_id)
        book.drop_person(person_id)
        return seen

    return _manage(node, who, command.request_id, _About("leave", person_id, b""), work)


def set_pin(node: Node, who: Session, person_id: str, command: PinCommand) -> Done | Refused:
    """Give somebody a new PIN; it ends their sessions and their lock-out."""
    return _set_secret(node, who, person_id, command.request_id, Shown(PIN, command.pin))


def set_badge(node: Node, who: Session, person_id: str, command: BadgeCommand) -> Done | Refused:
    """Give somebody a badge."""
    return _set_secret(node, who, person_id, command.request_id, sign_in.badge(command.badge))


def unlock(node: Node, who: Session, person_id: str, command: PersonCommand) -> Done | Refused:
    """Let somebody try their PIN again who was wrong too often today."""

    def work(book: "_Book") -> Person | Refused:
        if staff.person(book.tx, person_id) is None:
            return Refused("not_found")
        staff.forget_tries(book.tx, person_id)
        return book.seen(person_id)

    about = _About("unlock", person_id, b"")
    return _manage(node, who, command.request_id, about, work, Action.UNLOCK_PERSON)


def set_locale(node: Node, who: Session, command: LocaleCommand) -> Done | Refused:
    """Choose one's own language."""
    if command.locale not in LOCALES:
        return Refused("malformed", {"field": "locale", "expected": list(LOCALES)})

    def work(book: "_Book") -> Person | Refused:
        now = staff.person(book.tx, who.cashier_id)
        if now is None:
            return Refused("not_signed_in")
        book.set_person(now._replace(locale=command.locale))
        return book.seen(who.cashier_id)

    about = _About("locale", who.cashier_id, b"", _raw(command.locale))
    return _own(node, who, command.request_id, about, work)


def set_own_pin(node: Node, who: Session, command: OwnPinCommand) -> Done | Refused:
    """Change one's own PIN with the old one; the session goes on."""
    secret = _Secret.of(node, Shown(PIN, command.new_pin))
    if isinstance(secret, Refused):
        return secret
    found = sign_in.recognise(node, who.till, Shown(PIN, command.pin), who.cashier_id)
    if isinstance(found, Refused):
        return found

    def work(book: "_Book") -> Person | Refused:
        refusal = book.keep(who.cashier_id, secret)
        return book.seen(who.cashier_id) if refusal is None else refusal

    return _own(node, who, command.request_id, _About("own_pin", who.cashier_id, secret.mark), work)


def declare(node: Node) -> int:
    """Write the facts of newcomers, at the first start with an epoch; give how many.

    Somebody who was put in under an id that the store's facts know (a replaced node's first manager) gets an id of their own.
    """
    if node.training:
        return 0
    place = node.place()

    def work(tx: Tx) -> int:
        waiting = staff.newcomers(tx)
        for one in waiting:
            staff.drop_newcomer(tx, one.cashier_id)
            known = one
            if staff.was_here(tx, one.cashier_id):
                known = one._replace(cashier_id=node.ids.uuid7().hex())
                staff.move_credentials(tx, one.cashier_id, known.cashier_id)
                staff.drop_sessions_of(tx, one.cashier_id)
            Deed(node, tx, place, None).write(PERSON_SET, _fact(known), actor=known.cashier_id)
        return len(waiting)

    with node.db.read() as reader:
        if not staff.newcomers(reader):
            return 0
    return node.db.write(work)


@dataclass(frozen=True)
class _Secret:
    """A PIN or badge on its way into the file, and what it was compared with before the writer's turn."""

    shown: Shown
    bucket: int
    hash: str
    mark: bytes
    held: frozenset[str]
    others: tuple[Credential, ...]

    @staticmethod
    def of(node: Node, shown: Shown) -> "_Secret | Refused":
        """Hash a secret that may be one; no hash is made in the writer's turn, where a sale would wait for it."""
        if shown.what == PIN and not sign_in.is_pin(shown.secret):
            return Refused("pin_easy")
        if shown.what == BADGE and not sign_in.BADGE_CHARS_MIN <= len(shown.secret) <= sign_in.BADGE_CHARS_MAX:
            return Refused("bad_badge")
        at = sign_in.bucket(node, shown)
        with node.db.read() as reader:
            others = staff.credentials(reader, shown.what, at)
            held = sign_in.holders(node, reader, shown)
        mark = sign_in.keyed_mark(node, shown)
        return _Secret(shown, at, node.vault.hash(shown.secret), mark, frozenset(held), tuple(others))


class _Book:
    """The people in a transaction: changed by facts, or in training without."""

    def __init__(self, node: Node, tx: Tx, deed: Deed | None) -> None:
        self.node = node
        self.tx = tx
        self._deed = deed

    def set_person(self, one: Cashier) -> None:
        if self._deed is None:
            staff.put_newcomer(self.tx, one)
        else:
            staff.drop_newcomer(self.tx, one.cashier_id)
            self._deed.write(PERSON_SET, _fact(one))

    def drop_person(self, person_id: str) -> None:
        staff.drop_newcomer(self.tx, person_id)
        staff.drop_sessions_of(self.tx, person_id)
        staff.drop_credentials(self.tx, person_id)
        staff.forget_tries(self.tx, person_id)
        if self._deed is not None:
            self._deed.write(PERSON_LEFT, PersonLeft(person_id=person_id))

    def keep(self, person_id: str, secret: _Secret) -> Refused | None:
        """Keep a PIN or badge, unless it is somebody else's (ux-security §10.4: unique in the store)."""
        shown = secret.shown
        now = staff.credentials(self.tx, shown.what, secret.bucket)
        held = secret.held
        if tuple(now) != secret.others:
            held = frozenset(sign_in.holders(self.node, self.tx, shown))
        if held - {person_id}:
            return Refused("pin_taken" if shown.what == PIN else "badge_taken")
        staff.set_credential(self.tx, person_id, shown.what, secret.bucket, secret.hash)
        if self._deed is not None:
            self._deed.write(PIN_SET, PinSet(person_id=person_id, what=shown.what))
        return None

    def is_last_manager(self, person_id: str) -> bool:
        managers = [one.cashier_id for one in sign_in.managers_with_pin(self.tx)]
        return not set(managers) - {person_id}

    def seen(self, person_id: str) -> Person:
        return next(one for one in listed(self.tx) if one.id == person_id)


_Work = Callable[[_Book], Person | Refused]


def _set_secret(node: Node, who: Session, person_id: str, request_id: str, shown: Shown) -> Done | Refused:
    secret = _Secret.of(node, shown)
    if isinstance(secret, Refused):
        return secret

    def work(book: _Book) -> Person | Refused:
        if staff.person(book.tx, person_id) is None:
            return Refused("not_found")
        refusal = book.keep(person_id, secret)
        if refusal is not None:
            return refusal
        if person_id != who.cashier_id:
            staff.drop_sessions_of(book.tx, person_id)
        staff.forget_tries(book.tx, person_id)
        return book.seen(person_id)

    return _manage(node, who, request_id, _About(shown.what, person_id, secret.mark), work)


def _manage(
    node: Node, who: Session, request_id: str, about: _About, work: _Work, action: Action = Action.MANAGE_PEOPLE
) -> Done | Refused:
    if not permit.may(who, action):
        return Refused("not_allowed", {"action": action.value})
    return _own(node, who, request_id, about, work)


def _own(node: Node, who: Session, request_id: str, about: _About, work: _Work) -> Done | Refused:
    if not node.training:
        return deeds.transact(node, who, request_id, about, lambda deed: work(_Book(node, deed.tx, deed)), vital=True)
    if node.recovery:
        return Refused(node.idle_code)

    def rehearse(tx: Tx) -> Done:
        answer = work(_Book(node, tx, None))
        if isinstance(answer, Refused):
            raise _Undone(answer)
        return Done(msgspec.json.encode(answer), repeated=False)

    try:
        return node.db.write(rehearse)
    except _Undone as undone:
        return undone.refusal


class _Undone(Exception):
    def __init__(self, refusal: Refused) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal


def _sound(person_id: str, command: AddCommand | ChangeCommand) -> Cashier | Refused:
    name = command.name.strip()
    if not 1 <= len(name) <= NAME_CHARS_MAX or has_control(name):
        return Refused("bad_name")
    if command.locale not in LOCALES:
        return Refused("malformed", {"field": "locale", "expected": list(LOCALES)})
    return Cashier(person_id, name, command.role, command.locale)


def _fact(one: Cashier) -> PersonSet:
    return PersonSet(person_id=one.cashier_id, name=one.name, role=one.role.value, locale=one.locale)


def _raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))
