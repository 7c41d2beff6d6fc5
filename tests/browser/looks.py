"""How a page holds up when it is looked at: sizes of what is pressed, names and contrast as axe-core finds them."""

from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
"""Copied from its pinned wheel by `dev.py assets`."""
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
TOUCH_FLOOR_PX = 44
MAIN_FLOOR_PX = 56

_SMALL = """([floor, main_floor]) => {
  const found = [];
  for (const node of document.querySelectorAll("button, a[href], input, select, summary, [role=button]")) {
    if (!node.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    const { width, height } = (node.matches("[type=checkbox], [type=radio]") ? node.closest("label") ?? node : node).getBoundingClientRect();
    const least = node.matches(".primary, .ink, .pad, .danger:not(.quiet)") ? main_floor : floor;
    if (Math.min(width, height) < least - 0.5) found.push(`${node.dataset.testid || node.id || node.className || node.textContent}: ${width}x${height}, at least ${least}`);
  }
  return found;
}"""
_JUDGE = """(tags) => axe.run(document, { runOnly: { type: "tag", values: tags }, resultTypes: ["violations"] }).then(({ violations }) =>
  violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(" ")} | ${(node.any[0] ?? node.all[0] ?? node.none[0])?.message ?? ""}`)))"""


@cache
def _axe() -> str:
    return AXE.read_text(encoding="utf-8")


def small_targets(page: Page) -> list[str]:
    """Name what can be pressed and is smaller than a finger (ux-security §6)."""
    found: list[str] = page.evaluate(_SMALL, [TOUCH_FLOOR_PX, MAIN_FLOOR_PX])
    return found


def axe_faults(page: Page) -> list[str]:
    """Name what axe-core finds: missing names and roles, contrast below 4.5:1 for text."""
    # Half way through a sheet's coming in everything is pale.
    page.evaluate("() => Promise.allSettled(document.getAnimations().map((each) => each.finished))")
    # The page's content policy lets no script in; the inspector's own evaluation is not asked by it.
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(_axe())
    found: Any = page.evaluate(_JUDGE, TAGS)
    return list(found)


def check(page: Page, where: str) -> None:
    """Hold a page against both.

    Raises:
        AssertionError: something is too small, nameless or pale; `where` says on which page.
    """
    found = [f"{where}: {fault}" for fault in (*small_targets(page), *axe_faults(page))]
    assert not found, "\n".join(found)
