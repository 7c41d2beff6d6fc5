"""Dishes sold by weight: the one arithmetic that till, node and hub share, and how a weight is written.

A dish by weight has a price for 500 g or for 1000 g. What it costs is `price × weight ÷ per`, in whole fen, half a fen up:
486 g at 58.00 for 500 g is 56.376, so 56.38. Surcharges of modifiers are for the line, whatever it weighs, and are added after
the rounding. The till page has the same lines in `weights.js`, for display only: what counts is priced by the node.
"""

_KILOGRAM_G = 1000


def weighed_fen(price_fen: int, weight_g: int, per_g: int) -> int:
    """Price a weight in whole fen, half up.

    Args:
        price_fen: the price of `per_g` grams, not negative.
        weight_g: what was weighed, in grams, not negative.
        per_g: what the price is for, in grams, above zero.
    """
    return (2 * price_fen * weight_g + per_g) // (2 * per_g)


def kilograms(weight_g: int) -> str:
    """Write a weight as scales show it: `0.486kg`."""
    return f"{weight_g // _KILOGRAM_G}.{weight_g % _KILOGRAM_G:03d}kg"


def per(per_g: int) -> str:
    """Write what a price is for: `500g`, and `kg` for 1000 g."""
    return "kg" if per_g == _KILOGRAM_G else f"{per_g}g"
