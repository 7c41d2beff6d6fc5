"""Live codes (活码) at HQ: made and signed here, led elsewhere or stopped without being printed again, counted by scans and joins.

Every change goes to the code's store by its stream in the same transaction. Whoever joins by a code came by it: the join says so
(`Origin`), and keeps it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from cloud.db import live_codes as rows
from cloud.db import stores
from cloud.db.engine import HubDatabase, Reader, Tx
from cloud.db.live_codes import LiveRow, OriginRow
from cloud.services import audit, streams
from cloud.services.accounts import Who
from cloud.services.members.shared import BadDeed, Shared
from cloud.services.publish import Publisher
from sync.contract import live_codes as contract
from sync.contract import menu as menus
from sync.contract import publications
from sync.contract import streams as names
from sync.contract.live_codes import CodePlace, LiveClaims, LiveCode, Target
from sync.contract.members import Origin
from sync.contract.menu import Menu
from sync.contract.words import Name
from sync.node import keys

AT_ONCE_MAX = 200
"""So many are made by one form, and stand on one sheet."""
_TEXT_CHARS_MAX = 4_096


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Codes to be made, alike but for where each stands.

    Attributes:
        ats: which tables, tills or badges, one code each; for a door or a queue one empty text.
        label: what stands on the paper; `{at}` in it is which one it is. Empty = the `at` alone.
    """

    store: str
    place: CodePlace
    ats: tuple[str, ...]
    label: Name = Name("", "")
    target: Target = Target()


class LiveLine(msgspec.Struct, frozen=True, kw_only=True):
    """A code as HQ's page shows it."""

    live: LiveCode
    short: str
    url: str
    scans: int
    joins: int
    made_ms: int


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody's phone opened: `verdict` is `join`, `menu`, `text`, `off`, `stopped` or `forged`.

    A code that HQ signed and does not know any more (it was set back) leads to the form: the paper is real.
    """

    verdict: str
    live: LiveCode | None = None
    origin: Origin | None = None


class _Part(NamedTuple):
    row: LiveRow
    live: LiveCode


class PlaceTaken(BadDeed):
    """Some of the places have a code that holds; `ats` names them."""

    def __init__(self, ats: Sequence[str]) -> None:
        super().__init__("these have a code that holds: lead it elsewhere, or stop it first")
        self.ats = tuple(ats)


class LiveCodes:
    """Makes, changes, counts and reads live codes. Any thread may use it."""

    def __init__(
        self,
        shared: Shared,
        identity: keys.Identity,
        publisher: Publisher,
        public_url: str,
    ) -> None:
        self._shared = shared
        self._database: HubDatabase = shared.database
        self._identity = identity
        self._publisher = publisher
        self._public_url = public_url

    # ------------------------------------------------------------------------------------------------------------- deeds

    def make(self, wanted: Wanted, who: Who) -> tuple[LiveLine, ...]:
        """Make codes and send them to their store.

        Raises:
            PlaceTaken: a table, till or person has a code that holds; two papers on one table could not be told apart.
            BadDeed: with a sentence: no such store, a label or a target that is not sound, too many.
        """
        ats = _ats(wanted)
        _check(wanted.target)
        made: list[LiveCode] = []
        with self._database.write() as tx:
            if stores.store_by_id(tx, wanted.store) is None:
                raise BadDeed("there is no such store: choose one of the list")
            if rows.count(tx, wanted.store) + len(ats) > contract.CODES_MAX:
                raise BadDeed(f"a store may have {contract.CODES_MAX} codes: lead old ones elsewhere instead")
            taken = rows.ats_of(tx, wanted.store, wanted.place)
            if twice := [at for at in ats if at in taken]:
                raise PlaceTaken(twice)
            now_ms = self._shared.clock.now_ms()
            for at in ats:
                live = self._signed(wanted, at)
                row = LiveRow(
                    live.code_id, live.store, live.place, live.at, live.label.zh, live.label.en, live.code,
                    msgspec.json.encode(live.target), None, now_ms, who.actor, now_ms,
                )  # fmt: skip
                rows.insert_code(tx, row)
                _tell(tx, live)
                made.append(live)
            self._record(tx, who, "live_code.made", wanted.store, place=wanted.place, codes=len(made))
        self._shared.on_stream()
        return tuple(self._line(live, 0, 0, now_ms) for live in made)

    def lead(self, code_ids: Sequence[str], target: Target, who: Who) -> int:
        """Let codes lead elsewhere from now on; gives how many did.

        Raises:
            BadDeed: none was named, one is unknown or stopped, or the target is not sound.
        """
        _check(target)
        return self._change(code_ids, who, "live_code.led", target)

    def stop(self, code_ids: Sequence[str], who: Who) -> int:
        """Let codes hold no more, for good; gives how many did.

        Raises:
            BadDeed: none was named, or one is unknown or stopped.
        """
        return self._change(code_ids, who, "live_code.stopped", None)

    def scan(self, text: str, *, counts: bool = True) -> Opened:
        """Say where a code leads that a phone opened here; counts it where somebody came anew."""
        code = contract.find(text) if len(text) <= _TEXT_CHARS_MAX else None
        apart = None if code is None else contract.take_apart(code)
        if apart is None or code is None:
            return Opened(verdict="forged")
        claims = apart.claims
        code_id = claims.code_id.hex()
        with self._database.read() as reader:
            row = rows.one(reader, code_id)
        if row is None or row.code != code:
            own = self._identity.public
            if claims.key_id != own.key_id or not keys.verified(own.signing, apart.signed, apart.signature):
                return Opened(verdict="forged")
            return Opened(verdict="join", origin=Origin(place=claims.place, store="", code=code_id))
        if counts:
            with self._database.write() as tx:
                rows.add_scan(tx, code_id, self._shared.day())
        live = _live(row)
        origin = Origin(place=live.place, store=live.store, code=code_id, at=live.at)
        return Opened(verdict="stopped" if live.stopped else live.target.kind, live=live, origin=origin)

    # ----------------------------------------------------------------------------------------------------------- reading

    def listed(self, store: str = "", place: str = "") -> tuple[LiveLine, ...]:
        """List codes with their counts, those that hold before those that were stopped."""
        with self._database.read() as reader:
            return self._lines(reader, rows.listed(reader, store=store, place=place))

    def several(self, code_ids: Sequence[str]) -> tuple[LiveLine, ...]:
        """Give the codes of these ids, in the order of the page."""
        with self._database.read() as reader:
            return self._lines(reader, rows.several(reader, code_ids[:AT_ONCE_MAX]))

    def origins(self, first_day: str = "", last_day: str = "9999") -> tuple[OriginRow, ...]:
        """Say what brought those who joined within business days, most first; each person once, by what brought them first."""
        with self._database.read() as reader:
            return tuple(rows.origins(reader, first_day, last_day))

    def menu(self, store: str) -> Menu | None:
        """Give what a store sells today as HQ published it, at the prices that hold there; None where nothing was published."""
        day = self._publisher.today()
        with self._database.read() as reader:
            held = self._publisher.in_force(reader, names.MENU, store, day)
            if held is None:
                return None
            lists = [self._publisher.in_force(reader, names.PRICES, whose, day) for whose in ("", store)]
        prices = [None if one is None else publications.read_prices(one.document) for one in lists]
        return publications.priced(menus.checked(held.document), *prices)

    # ------------------------------------------------------------------------------------------------------------ inside

    def _signed(self, wanted: Wanted, at: str) -> LiveCode:
        claims = LiveClaims(
            self._identity.public.key_id, self._shared.chance.token(contract.CODE_ID_BYTES), wanted.place
        )
        label = Name(*(text.replace("{at}", at).strip() or at for text in (wanted.label.zh, wanted.label.en)))
        if not all(contract.is_label(text) for text in (label.zh, label.en)):
            raise BadDeed(f"a label needs 1 to {contract.LABEL_CHARS_MAX} plain characters in both languages")
        return LiveCode(
            code_id=claims.code_id.hex(),
            store=wanted.store,
            place=wanted.place,
            label=label,
            code=contract.assemble(claims, self._identity.sign(contract.to_sign(claims))),
            at=at,
            target=wanted.target,
        )

    def _change(self, code_ids: Sequence[str], who: Who, action: str, target: Target | None) -> int:
        wanted = list(dict.fromkeys(code_ids))
        if not wanted or len(wanted) > AT_ONCE_MAX:
            raise BadDeed(f"tick 1 to {AT_ONCE_MAX} codes first")
        with self._database.write() as tx:
            found = [_Part(row, _live(row)) for row in rows.several(tx, wanted)]
            if len(found) != len(wanted) or any(part.live.stopped for part in found):
                raise BadDeed("one of these codes is stopped: load the page again")
            now_ms = self._shared.clock.now_ms()
            for row, live in found:
                if target is None:
                    rows.stop(tx, row.code_id, now_ms)
                    _tell(tx, msgspec.structs.replace(live, stopped=True))
                else:
                    rows.put_target(tx, row.code_id, msgspec.json.encode(target), now_ms)
                    _tell(tx, msgspec.structs.replace(live, target=target))
            detail = {} if target is None else {"to": target.kind}
            self._record(tx, who, action, found[0].live.store, codes=len(found), **detail)
        self._shared.on_stream()
        return len(found)

    def _lines(self, reader: Reader, found: list[LiveRow]) -> tuple[LiveLine, ...]:
        scans, joins = rows.scans(reader), rows.joins(reader)
        return tuple(
            self._line(_live(row), scans.get(row.code_id, 0), joins.get(row.code_id, 0), row.made_ms) for row in found
        )

    def _line(self, live: LiveCode, scans: int, joins: int, made_ms: int) -> LiveLine:
        url = contract.url(self._public_url, live.code)
        return LiveLine(
            live=live, short=contract.short(live.code_id), url=url, scans=scans, joins=joins, made_ms=made_ms
        )

    def _record(self, tx: Tx, who: Who, action: str, target: str, **detail: str | int) -> None:
        at_ms = self._shared.clock.now_ms()
        audit.record(tx, at_ms=at_ms, actor=who.actor, action=action, target=target, detail=who.detail(**detail))


def _ats(wanted: Wanted) -> tuple[str, ...]:
    ats = tuple(dict.fromkeys(one.strip() for one in wanted.ats))
    named = wanted.place in ("table", "till", "staff")
    if not named:
        return ("",)
    if not ats or not all(contract.is_label(one, contract.AT_CHARS_MAX) for one in ats):
        raise BadDeed(f"say which ones, one a line, 1 to {contract.AT_CHARS_MAX} characters each")
    if len(ats) > AT_ONCE_MAX:
        raise BadDeed(f"{AT_ONCE_MAX} codes at once, not more")
    return ats


def _check(target: Target) -> None:
    if contract.mistakes(target):
        raise BadDeed("a text needs a title in both languages, and neither title nor text may be too long")


def _live(row: LiveRow) -> LiveCode:
    place: CodePlace = msgspec.convert(row.place, CodePlace)
    return LiveCode(
        code_id=row.code_id,
        store=row.store,
        place=place,
        label=Name(row.label_zh, row.label_en),
        code=row.code,
        at=row.at,
        target=msgspec.json.decode(row.target, type=Target),
        stopped=row.stopped_ms is not None,
    )


def _tell(tx: Tx, live: LiveCode) -> None:
    stream = names.own(names.LIVE_CODES, live.store)
    streams.append(tx, stream, op="put", key=live.code_id, value=msgspec.json.encode(live))
