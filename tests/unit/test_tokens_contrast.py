"""The colours of the screens keep the contrast that reference screens.md section 1 promises, computed from tokens.css."""

import re
from pathlib import Path

import pytest

STATIC = Path(__file__).resolve().parents[2] / "edge" / "web" / "static"

# Read once at collection: the tests below are arithmetic only.
TOKENS_CSS = (STATIC / "tokens.css").read_text(encoding="utf-8")
OTHER_CSS = {
    path.name: path.read_text(encoding="utf-8") for path in sorted(STATIC.rglob("*.css")) if path.name != "tokens.css"
}

TEXT_FLOOR = 4.5
EDGE_FLOOR = 3.0

# (foreground, ground, light, dark) as the reference has computed them.
PROMISED = [
    ("ink", "paper", 15.7, 15.4),
    ("ink", "sheet", 17.2, 14.1),
    ("ink", "well", 14.2, 11.6),
    ("ink", "tint", 14.0, 10.7),
    ("ink-2", "paper", 7.2, 9.1),
    ("ink-2", "sheet", 7.9, 8.3),
    ("ink-2", "well", 6.5, 6.8),
    ("ink-2", "tint", 6.4, 6.3),
    ("line", "paper", 3.2, 4.6),
    ("line", "sheet", 3.5, 4.2),
    ("ochre", "paper", 7.0, 8.5),
    ("away", "paper", 5.5, 7.6),
    ("on-accent", "accent", 8.2, 8.2),
    ("accent", "paper", 7.3, 8.9),
    ("accent", "sheet", 8.0, 8.2),
    ("accent", "tint", 6.5, 6.2),
    ("cinnabar", "sheet", 7.2, 7.5),
    ("cinnabar", "cinnabar-tint", 5.9, 6.4),
    ("on-cinnabar", "cinnabar", 7.3, 8.2),
    ("ink", "cinnabar-tint", 14.2, 12.1),
    ("on-gamboge", "gamboge", 10.2, 10.2),
    ("gamboge-text", "paper", 7.1, 11.4),
    ("gamboge-text", "gamboge-tint", 6.9, 8.3),
    ("ink", "gamboge-tint", 15.3, 11.1),
]

# Further pairs that the till uses: (foreground, ground, floor).
USED = [
    ("paper", "ink", TEXT_FLOOR),
    ("ochre", "sheet", TEXT_FLOOR),
    ("ink-2", "gamboge-tint", TEXT_FLOOR),
    ("ink-2", "cinnabar-tint", TEXT_FLOOR),
    ("gamboge-text", "sheet", TEXT_FLOOR),
    ("roll-ink", "roll", TEXT_FLOOR),
    ("ink-2", "well", EDGE_FLOOR),
]


def tokens(selector: str) -> dict[str, str]:
    block = re.search(re.escape(selector) + r" \{(.*?)\n\}", TOKENS_CSS, re.DOTALL)
    assert block is not None, selector
    return dict(re.findall(r"--([\w-]+): (#[0-9A-Fa-f]{6});", block.group(1)))


LIGHT = tokens(":root")
DARK = {**LIGHT, **tokens("[data-theme=dark]")}


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.x."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_the_contrast_formula_gives_21_for_black_on_white_and_1_for_a_colour_on_itself() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#0D5A48", "#0D5A48") == pytest.approx(1)


@pytest.mark.parametrize(("name", "ground", "light", "dark"), PROMISED)
def test_each_promised_pair_has_its_computed_contrast_in_both_themes(
    name: str, ground: str, light: float, dark: float
) -> None:
    assert contrast(LIGHT[name], LIGHT[ground]) == pytest.approx(light, abs=0.1)
    assert contrast(DARK[name], DARK[ground]) == pytest.approx(dark, abs=0.1)
    floor = EDGE_FLOOR if name == "line" else TEXT_FLOOR
    assert min(light, dark) >= floor


@pytest.mark.parametrize(("name", "ground", "floor"), USED)
def test_each_further_pair_in_use_keeps_its_floor_in_both_themes(name: str, ground: str, floor: float) -> None:
    assert contrast(LIGHT[name], LIGHT[ground]) >= floor
    assert contrast(DARK[name], DARK[ground]) >= floor


def test_line_on_well_would_be_too_weak_which_is_why_keys_on_well_have_an_ink_2_edge() -> None:
    assert contrast(LIGHT["line"], LIGHT["well"]) < EDGE_FLOOR
    assert ".key.well { background: var(--well); border-color: var(--ink-2); }" in OTHER_CSS["till.css"]


def test_no_page_brings_a_colour_of_its_own_beside_the_tokens() -> None:
    for name, text in OTHER_CSS.items():
        assert not re.findall(r"#[0-9A-Fa-f]{3,8}\b(?=\s*[;,)])|\brgba?\(|\bhsla?\(", text), name


def test_both_themes_define_the_same_colours_except_printed_paper() -> None:
    assert set(LIGHT) - set(tokens("[data-theme=dark]")) == {"roll", "roll-ink"}
