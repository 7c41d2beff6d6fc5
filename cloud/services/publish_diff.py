"""What a new price list changes at the till."""

from collections.abc import Sequence

from sync.contract import publications
from sync.contract.menu import Menu
from sync.contract.menu_changes import Change, price_change
from sync.contract.publications import PriceList


def price_changes(menu: Menu, held: Sequence[PriceList], others: Sequence[PriceList], new: PriceList) -> list[Change]:
    """List what a price list changes at the till.

    Args:
        menu: what is on sale on that day.
        held: the lists that lie over it without the new one.
        others: those of them that stay beside the new one.
        new: the list.
    """
    before = publications.priced(menu, *held)
    after = publications.priced(menu, *others, new)
    return [
        price_change(old, now)
        for old, now in zip(before.dishes, after.dishes, strict=True)
        if old.price_fen != now.price_fen
    ]
