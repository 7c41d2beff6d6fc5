"""Phone numbers as the node reads them: the contract's own way, by the names that the node uses."""

from sync.contract.phones import MOBILE, TAIL_DIGITS, masked, normal, tail

__all__ = ["MOBILE", "TAIL_DIGITS", "masked", "normal", "tail"]
