"""The facts of a store's day (lane 1): tables kept for guests, dishes of the day that the menu lacks, the check before opening."""

from typing import Literal

import msgspec

from sync.contract.menu import Dish

BOOKED = "booking.kept"
BOOKING_ENDED = "booking.ended"
DISH_SPECIAL = "dish.special"
OPENING_CHECKED = "opening.checked"

Became = Literal["arrived", "cancelled", "no_show"]


class Booked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A table is kept for guests, or what was said of it is now this. `phone4` is the end of a number and never the whole.

    `table` is an id of the floor plan, empty while none is chosen; `deposit_id` the deposit that was taken for it.
    """

    booking_id: str
    day: str
    time: str
    name: str
    phone4: str
    covers: int
    table: str = ""
    note: str = ""
    deposit_id: str = ""


class BookingEnded(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The guests came and sit at `order_id`, or they do not come."""

    booking_id: str
    became: Became
    order_id: str = ""


class DishSpecial(msgspec.Struct, frozen=True, kw_only=True):
    """A dish that this store sells up to a business day though its menu lacks it; `dish` None takes it off again."""

    dish_id: str
    until: str
    dish: Dish | None


class OpeningChecked(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody looked through the list before the first sale of a till's day; `wrong` names what was not as it should be."""

    till: str
    wrong: tuple[str, ...]


KINDS: dict[str, type[msgspec.Struct]] = {
    BOOKED: Booked,
    BOOKING_ENDED: BookingEnded,
    DISH_SPECIAL: DishSpecial,
    OPENING_CHECKED: OpeningChecked,
}
