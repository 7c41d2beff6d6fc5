"""What the hub's files must agree on: words named and words there, tokens here and at the node, contrasts."""

import re
from pathlib import Path
from typing import get_args

from cloud.web import paper, words
from sync.contract.trade import AdjustmentKind

ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / "cloud" / "web"
_BLOCK = re.compile(r"([^{}]+)\{([^{}]*)\}")
_TOKEN = re.compile(r"(--[a-z0-9-]+):\s*(#[0-9A-Fa-f]{6})")

TEXT_PAIRS = (
    ("ink", "paper"), ("ink", "sheet"), ("ink", "tint"), ("ink", "well"), ("ink-2", "paper"), ("ink-2", "sheet"), ("ink-2", "well"),
    ("away", "paper"), ("on-accent", "accent"), ("paper", "ink"), ("ink", "cinnabar-tint"), ("roll-ink", "roll"),
)  # fmt: skip
EDGE_PAIRS = (("line", "paper"), ("line", "sheet"), ("accent", "paper"), ("accent", "sheet"), ("cinnabar", "paper"), ("gamboge-text", "paper"), ("ochre", "paper"))  # fmt: skip


def blocks(path: Path) -> dict[str, dict[str, str]]:
    text = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL).replace(
        "@media (prefers-color-scheme: dark) {", ""
    )
    return {selector.strip(" }\n"): dict(_TOKEN.findall(body)) for selector, body in _BLOCK.findall(text)}


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_the_hub_has_the_same_tokens_as_the_node_in_light_and_dark() -> None:
    hub, node = blocks(WEB / "static" / "tokens.css"), blocks(ROOT / "edge" / "web" / "static" / "tokens.css")
    assert hub[":root"] == node[":root"]
    assert hub[":root[data-theme=dark]"] == hub[":root:not([data-theme])"] == node["[data-theme=dark]"]


def test_the_guest_page_uses_colours_of_the_tokens() -> None:
    tokens = blocks(WEB / "static" / "tokens.css")
    text = (WEB / "static" / "guest.css").read_text(encoding="utf-8")
    light, dark = text.split("@media (prefers-color-scheme: dark)")
    for part, block in ((light, ":root"), (dark.split("* {")[0], ":root[data-theme=dark]")):
        found = dict(_TOKEN.findall(part))
        assert len(found) > 8
        assert {name: tokens[block][name] for name in found} == found


def test_every_pair_in_use_has_its_contrast() -> None:
    tokens = blocks(WEB / "static" / "tokens.css")
    for theme in (tokens[":root"], {**tokens[":root"], **tokens[":root[data-theme=dark]"]}):
        for text, ground in TEXT_PAIRS:
            assert contrast(theme[f"--{text}"], theme[f"--{ground}"]) >= 4.5, (text, ground)
        for edge, ground in EDGE_PAIRS:
            assert contrast(theme[f"--{edge}"], theme[f"--{ground}"]) >= 3, (edge, ground)


def test_every_word_that_is_named_is_there_and_every_word_that_is_there_is_named() -> None:
    held = words.load().keys()
    tables = "|".join(sorted({key.split(".")[0] for key in held}))
    named: set[str] = set()
    files = [*WEB.rglob("*.html"), *WEB.rglob("*.py")]
    for path in files:
        text = path.read_text(encoding="utf-8")
        named |= set(re.findall(rf"""["']((?:{tables})\.[a-z_0-9]+)["']""", text))
        named |= {f"paper.{name}" for name in re.findall(r"""word\(\s*["']([a-z]+)["']""", text)}
        named |= {f"paper.{name}" for name in re.findall(r'else "([a-z]+)"\)', text)}
        named |= set(re.findall(rf"""["']((?:{tables})\.[a-z_]+_)\{{""", text))
    # On the picture of a receipt an amount is called by its kind.
    named |= {f"paper.{kind}" for kind in (*paper.WAYS, *get_args(AdjustmentKind))}
    completed = {name for name in named if name.endswith("_")} | {"error.", "reason.", "state.", "guest."}
    completed |= {"role.", "action.", "deed.", "detail."}
    missing = [name for name in named if name not in held and not name.endswith(("_", ".html", ".css"))]
    assert missing == []
    unused = [key for key in held if key not in named and not key.startswith(tuple(completed))]
    assert unused == []
