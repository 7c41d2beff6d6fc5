"""The locks carry a hash for every requirement, no address, and one version of each package."""

import re
import tomllib
from pathlib import Path

import pytest

from scripts.assets import AssetError, read_lock
from tests.architecture.checkout import ROOT

LOCKS = ROOT / "config" / "locks"
NAMES = ("assets", "demo", "dev", "edge", "hub")
REQUIREMENT = re.compile(r"([a-z0-9][a-z0-9.-]*)==([^ ;]+)( ; [^\\]+)?((?: --hash=sha256:[0-9a-f]{64})+)")


def faults(text: str) -> list[str]:
    """The requirements of a lock that are not `name==version`, an optional marker, and hashes."""
    joined = re.sub(r"\s*\\\n\s*", " ", text)
    return [line for line in joined.splitlines() if line.strip() and not REQUIREMENT.fullmatch(line.strip())]


def versions(lock: str) -> dict[str, str]:
    joined = re.sub(r"\s*\\\n\s*", " ", (LOCKS / f"{lock}.txt").read_text(encoding="utf-8"))
    found = [REQUIREMENT.fullmatch(line.strip()) for line in joined.splitlines() if line.strip()]
    return {match[1]: match[2] for match in found if match}


def normal(requirement: str) -> str:
    return re.split(r"[<>=!~\[; ]", requirement, maxsplit=1)[0].lower().replace("_", "-")


def inputs(name: str) -> set[str]:
    """The packages that a lock's input asks for, with those of the files it includes."""
    found: set[str] = set()
    for line in (LOCKS / f"{name}.in").read_text(encoding="utf-8").splitlines():
        if line.startswith("-r "):
            found |= inputs(line.removeprefix("-r ").removesuffix(".in"))
        elif line and not line.startswith("#"):
            found.add(normal(line))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_requirement_is_one_version_with_hashes_and_nothing_else(name):
    text = (LOCKS / f"{name}.txt").read_text(encoding="utf-8")
    assert faults(text) == []
    assert versions(name)


@pytest.mark.parametrize(
    "line",
    [
        "flask==3.1.3",
        "flask>=3 --hash=sha256:" + "0" * 64,
        "flask @ https" + "://example.org/flask.whl --hash=sha256:" + "0" * 64,
        "--index-url https" + "://example.org/simple",
        "flask==3.1.3 --hash=sha256:abc",
    ],
)
def test_a_lock_with_an_address_or_without_a_hash_is_refused(line):
    assert faults(line) == [line]


def test_all_locks_agree_on_versions():
    widest = versions("dev")
    for name in ("demo", "edge", "hub"):
        assert versions(name).items() <= widest.items(), name


def test_every_lock_holds_what_its_input_asks_for():
    for name in NAMES:
        assert inputs(name) <= versions(name).keys(), name


def test_the_packages_that_only_carry_browser_scripts_are_never_installed():
    installed = set().union(*(versions(name) for name in NAMES if name != "assets"))
    assert installed.isdisjoint({"nicegui", "django", "django-htmx", "asgiref", "sqlparse", "fastapi", "pycups"})


def test_the_project_asks_for_nothing_that_its_locks_do_not_hold():
    table = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    base = {normal(line) for line in table["project"]["dependencies"]}
    extras = {
        name: {normal(line) for line in lines} for name, lines in table["project"]["optional-dependencies"].items()
    }
    groups = {
        name: {normal(line) for line in lines if isinstance(line, str)}
        for name, lines in table["dependency-groups"].items()
    }
    assert base | extras["edge"] | {"hatchling"} == inputs("edge")
    assert base | extras["hub"] | {"hatchling"} == inputs("hub")
    assert groups["demo"] | inputs("edge") | inputs("hub") == inputs("demo")
    assert groups["dev"] | inputs("demo") == inputs("dev")


def test_the_browser_scripts_come_from_the_versions_of_their_lock():
    locked = versions("assets")
    assets = read_lock(ROOT / "config" / "assets.lock")
    assert {asset.package: asset.version for asset in assets} == locked


def test_a_browser_script_aimed_outside_the_vendor_folders_is_refused(tmp_path):
    lock = tmp_path / "assets.lock"
    row = 'package = "p"\nversion = "1"\npath = "x.js"\nsha256 = "00"\n'
    for target in ("edge/web/static/till/app.js", "edge/web/static/vendor/../../app.py", "/etc/passwd"):
        lock.write_text(f'[[file]]\n{row}target = "{target}"\n')
        with pytest.raises(AssetError):
            read_lock(Path(lock))
