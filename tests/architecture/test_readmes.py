"""What a README leads to is there, each README is led to, and those of the packages stay short enough to be read."""

import re
from pathlib import Path

import pytest

from tests.architecture.checkout import ROOT, repository_files

LINK = re.compile(r"\]\(([^)\s#]+)[^)]*\)")
READMES = sorted(path for path in repository_files() if path.name == "README.md")
LINES_MAX = {"edge/README.md": 250, "cloud/README.md": 400}
"""The depth of these two stands beside the code."""


def links(text: str) -> list[str]:
    """The files that a text leads to."""
    return [target for target in LINK.findall(text) if "://" not in target]


def broken(root: Path, path: Path) -> list[str]:
    return [one for one in links((root / path).read_text(encoding="utf-8")) if not (root / path.parent / one).exists()]


@pytest.mark.parametrize("path", READMES, ids=str)
def test_what_a_readme_leads_to_is_there(path):
    assert broken(ROOT, path) == []


def test_a_link_to_nothing_would_be_seen(tmp_path):
    (tmp_path / "README.md").write_text("[there](there.md) [gone](gone/README.md#part) [far](https://example.com/x)")
    (tmp_path / "there.md").write_text("# there")
    assert broken(tmp_path, Path("README.md")) == ["gone/README.md"]


def led_to(root: Path) -> set[Path]:
    """Every README that is reached from the first one by links."""
    found: set[Path] = set()
    waiting = [root / "README.md"]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            targets = [(path.parent / one).resolve() for one in links(path.read_text(encoding="utf-8"))]
            waiting += [one for one in targets if one.name == "README.md" and one.is_file()]
    return found


def test_every_readme_is_led_to_from_the_first():
    found = led_to(ROOT)
    assert [str(path) for path in READMES if ROOT / path not in found] == []


def test_a_readme_that_nothing_leads_to_would_be_seen(tmp_path):
    for folder in ("near", "far"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "README.md").write_text("# it")
    (tmp_path / "README.md").write_text("[near](near/README.md)")
    assert led_to(tmp_path) == {tmp_path / "README.md", tmp_path / "near" / "README.md"}


@pytest.mark.parametrize("name", sorted(LINES_MAX))
def test_the_readme_of_a_package_is_short_and_leads_on(name):
    assert len((ROOT / name).read_text(encoding="utf-8").splitlines()) <= LINES_MAX[name]
