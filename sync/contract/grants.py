"""What one store may spend of a member's points without asking: a grant, cut out of the member's lots by the hub (sync.md §5.13).

`balance = free + Σ open grants`. A grant is one store's, one epoch's, and ends by the hub's clock. The store stops a margin before that;
the hub frees what is left only when the store released it, or when the epoch is fenced and the end, the longest outage and
the margin are over. So no two places ever hold the same point, whatever the network and the clocks do.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Final

import msgspec

from sync.contract import ledger
from sync.contract.ledger import Draw, Lot

SKEW_MARGIN_MS: Final = 15 * 60_000
"""A store ends a grant this much before the hub does."""
LAPSE_MS: Final = 72 * 3_600_000
"""How long a grant holds by default: the longest cut after which spending offline still works."""
OUTAGE_MAX_MS: Final = 30 * 86_400_000
"""How much later the hub frees a grant of a fenced epoch that was never released."""

_Id = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]


class GrantedLot(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of one of the member's lots."""

    lot_id: str
    qty: Annotated[int, msgspec.Meta(ge=1)]
    from_day: str
    last_day: str


class Grant(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the hub put aside for one store; it travels in that store's stream of grants under its id."""

    grant_id: _Id
    member_id: _Id
    epoch: int
    lots: tuple[GrantedLot, ...]
    not_after_ms: int
    recalled: bool = False
    """The hub would like the rest back: the store releases it as soon as it reads this."""

    @property
    def qty(self) -> int:
        """How much was put aside."""
        return sum(lot.qty for lot in self.lots)


def may_spend(grant: Grant, epoch: int, now_ms: int) -> bool:
    """Say whether a store of an epoch may spend from a grant at a time (the greater of its wall and its hybrid clock)."""
    return grant.epoch == epoch and not grant.recalled and now_ms <= grant.not_after_ms - SKEW_MARGIN_MS


def rest(grant: Grant, spent: Mapping[str, int]) -> list[Lot]:
    """Give a grant's lots as they stand.

    Args:
        spent: what facts of this store drew on each lot of this grant, less what they gave back.
    """
    account = ledger.grant_account(grant.grant_id)
    return [
        Lot(lot.lot_id, account, lot.qty - spent.get(lot.lot_id, 0), lot.from_day, lot.last_day, "")
        for lot in grant.lots
    ]


def take(
    granted: Iterable[tuple[Grant, Mapping[str, int]]], qty: int, *, epoch: int, now_ms: int, day: str
) -> tuple[tuple[Draw, ...], int]:
    """Draw on all grants that a store holds for a member, what ends first before the rest.

    Returns:
        The draws (their account names the grant), and what no grant covers.
    """
    lots = [lot for grant, spent in granted if may_spend(grant, epoch, now_ms) for lot in rest(grant, spent)]
    return ledger.take(lots, qty, day)


def may_free(grant: Grant, *, fenced: bool, now_ms: int) -> bool:
    """Say whether the hub may free a grant that its store never released: never by the clock alone."""
    return fenced and now_ms > grant.not_after_ms + OUTAGE_MAX_MS + SKEW_MARGIN_MS
