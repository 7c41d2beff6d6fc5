"""The dialects by the name that settings use."""

from collections.abc import Callable
from typing import Final

from drivers.scale.ascii import StGs
from drivers.scale.bcd import FfBcd
from drivers.scale.reading import Dialect
from drivers.scale.toledo import Toledo8217

DIALECTS: Final[dict[str, Callable[[], Dialect]]] = {
    "toledo-8217": Toledo8217,
    "st-gs": StGs,
    "ff-bcd": FfBcd,
    "ff-bcd-from-1": lambda: FfBcd(decimals_from=1),
}
