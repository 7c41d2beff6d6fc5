"""Says whether a scanned invite counts: by its signature alone, and, as a second fact, whether its sale has arrived."""

from datetime import tzinfo

from cloud.db import sales, stores
from cloud.db.engine import HubDatabase, Reader
from cloud.db.stores import KeyRow
from cloud.services.views import InviteVerdict
from sync.contract import codes, times
from sync.contract.codes import Verdict
from sync.contract.words import Name
from sync.node import keys
from sync.node.ports import Clock

TEXT_CHARS_MAX = 4_096


class Invites:
    """Verifies invite codes. Any thread may use it."""

    def __init__(self, database: HubDatabase, *, clock: Clock, zone: tzinfo, cutoff_minutes: int) -> None:
        self._database = database
        self._clock = clock
        self._zone = zone
        self._cutoff_minutes = cutoff_minutes

    def verify(self, text: str) -> InviteVerdict:
        """Judge a scanned or typed text: a bare code or an address that ends in one; any text gets a verdict."""
        with self._database.read() as reader:
            return self.judge(reader, text)

    def judge(self, reader: Reader, text: str) -> InviteVerdict:
        """Judge a text within a view that is open already."""
        code = codes.find(text) if len(text) <= TEXT_CHARS_MAX else None
        apart = None if code is None else codes.take_apart(code)
        if apart is None or code is None:
            return InviteVerdict(verdict=Verdict.FORGED)
        known = stores.keys_named(reader, apart.claims.key_id)
        if not known:
            return InviteVerdict(verdict=Verdict.UNKNOWN_STORE)
        # Several epochs may share one signing key; the newest that vouches for the code speaks for it.
        signer = next((key for key in known if keys.verified(key.signing_public, apart.signed, apart.signature)), None)
        if signer is None:
            return InviteVerdict(verdict=Verdict.FORGED)
        return self._told(reader, signer, code, apart.claims)

    def _told(self, reader: Reader, signer: KeyRow, code: str, claims: codes.InviteClaims) -> InviteVerdict:
        today = times.epoch_day(times.business_day(self._clock.now_ms(), self._zone, self._cutoff_minutes))
        revoked_day = None if signer.revoked_ms is None else signer.revoked_ms // times.DAY_MS
        verdict = codes.standing(claims, today=today, revoked_day=revoked_day)
        store = stores.store_by_id(reader, signer.store)
        assert store is not None
        short = codes.short_code(claims.invite_id)
        held = sales.invite_by_code(reader, signer.store, short, code)
        sale = None if held is None else sales.sale_by_id(reader, signer.store, held.sale_id)
        return InviteVerdict(
            verdict=verdict,
            store=store.store,
            store_name=Name(store.name_zh, store.name_en),
            issued_day=times.day_of_epoch(claims.issued_day),
            expires_day=times.day_of_epoch(claims.last_day),
            short=short,
            reached_hub=sale is not None,
            sale_id=None if sale is None else sale.sale_id,
            receipt_no=None if sale is None else sale.receipt_no,
        )
