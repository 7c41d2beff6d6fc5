"""How often guests' phones may ask: a bucket a table, a bucket a phone, one for the house; all in memory, all bounded."""

from sync.node.allowance import KEYS_MAX, Allowance

__all__ = ["KEYS_MAX", "Allowance", "GuestLimits"]


class GuestLimits:
    """What phones may do."""

    def __init__(self) -> None:
        self.asks_of_table = Allowance(at_once=6, every_ms=15_000)
        """Baskets sent from one table."""
        self.asks_of_house = Allowance(at_once=60, every_ms=500)
        """Baskets sent from all of them: the till's own writes come first."""
        self.joins = Allowance(at_once=20, every_ms=10_000)
        """Joining on phones, of all of them: nobody tries numbers in numbers."""
        self.looks = Allowance(at_once=300, every_ms=50)
        """Anything asked from one address; the guests of a house may all have the same, that of its access point."""
