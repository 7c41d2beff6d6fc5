"""The top level is fixed, every package explains itself, and every folder and third party has its place."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.checkout import PACKAGES, ROOT, contracts, python_files, repository_files

TOP_LEVEL = {
    ".ci",
    ".gitignore",
    "CHANGELOG.md",
    "README.md",
    "cloud",
    "config",
    "drivers",
    "edge",
    "pyproject.toml",
    "scripts",
    "sync",
    "tests",
}
FREE = {"click", "msgspec", "segno"}
"""Third parties that any module may use: pure, no door of their own."""


def strangers(files: list[Path]) -> set[str]:
    """Top-level entries that the layout does not know."""
    return {path.parts[0] for path in files} - TOP_LEVEL


def test_the_top_level_holds_only_what_the_design_names():
    assert strangers(repository_files()) == set()


def test_a_new_top_level_folder_would_be_seen():
    assert strangers([Path("utils/dates.py"), Path("edge/cli.py")]) == {"utils"}


@pytest.mark.parametrize("folder", [*PACKAGES, "."])
def test_every_package_has_a_readme_that_says_something(folder):
    text = (ROOT / folder / "README.md").read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert len(text) > 400


def test_every_folder_with_code_is_a_package_so_that_the_import_contracts_see_it():
    files = python_files()
    folders = {path.parent for path in files}
    assert [str(folder) for folder in sorted(folders) if folder / "__init__.py" not in files] == []


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    program = str(Path(sys.executable).with_name("lint-imports"))
    return subprocess.run([program, "--no-cache", "--no-logo"], cwd=root, capture_output=True, text=True, check=False)


@pytest.fixture
def copied_tree(tmp_path):
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for path in python_files():
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, target)
    return tmp_path


def test_the_import_contracts_hold_and_an_unplaced_folder_breaks_them(copied_tree):
    as_it_is = lint_imports(copied_tree)
    assert as_it_is.returncode == 0, as_it_is.stdout
    for package in ("edge", "cloud", "sync"):
        (copied_tree / package / "unplaced").mkdir()
        (copied_tree / package / "unplaced" / "__init__.py").write_text('"""A folder in no contract."""\n')
    with_strangers = lint_imports(copied_tree)
    assert with_strangers.returncode == 1
    for package in ("edge", "cloud", "sync"):
        assert f"{package}.unplaced" in with_strangers.stdout


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("cloud/unruly.py", "import edge", "edge and cloud stand on drivers and sync"),
        ("cloud/web/unruly.py", "import drivers.document", "the hub knows no device"),
        ("sync/contract/unruly.py", "import time", "do no I/O"),
        ("sync/contract/unruly.py", "import sync.node", "engine > node > contract"),
        ("edge/domain/unruly.py", "import edge.db", "edge, from the outside in"),
        ("edge/services/unruly.py", "import flask", "Flask: web and app"),
        ("edge/services/unruly.py", "import sqlcipher3", "sqlcipher3: sync.node.database"),
        ("edge/services/unruly.py", "import drivers.virtual", "its own virtual devices"),
        ("drivers/unruly.py", "import sync.contract", "edge and cloud stand on drivers and sync"),
        ("sync/engine/unruly.py", "import cryptography", "cryptography and argon2"),
        ("sync/engine/unruly.py", "import paho.mqtt.client", "paho: sync.engine.mqtt"),
        ("drivers/unruly.py", "import this", "drivers: twins"),
        ("drivers/escpos/unruly.py", "import drivers.printer.profiles", "drivers: twins"),
        ("edge/services/unruly.py", "import sqlite_utils", "sqlite-utils: sync.node"),
        ("edge/db/unruly.py", "import sqlalchemy", "SQLAlchemy: cloud.db"),
        ("edge/receipts/unruly.py", "import PIL.Image", "pictures and device libraries"),
        ("edge/db/unruly.py", "import sqlite3", "scripts alone start the embedded broker"),
        ("edge/services/unruly.py", "import cheroot.wsgi", "cheroot: whoever starts"),
    ],
)
def test_each_contract_fails_on_an_import_against_it(copied_tree, module, line, contract):
    (copied_tree / module).write_text(f'"""Against the rules."""\n\n{line}\n')
    found = lint_imports(copied_tree)
    assert found.returncode == 1
    kept_and_broken = " ".join(found.stdout.split())
    broken = [name for name in kept_and_broken.split(" KEPT") if "BROKEN" in name]
    assert any(contract in name for name in broken), found.stdout


def third_parties(text: str) -> set[str]:
    """The top-level names that a module imports and that are neither Python's nor ours."""
    names = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.split(".")[0])
    return names - set(sys.stdlib_module_names) - set(PACKAGES)


def test_every_third_party_goes_through_a_door_or_is_free_for_all():
    doors = {
        module for contract in contracts(ROOT / "pyproject.toml") for module in contract.get("protected_modules", [])
    }
    used = {
        name: str(path) for path in python_files() for name in third_parties((ROOT / path).read_text(encoding="utf-8"))
    }
    assert {name: path for name, path in used.items() if name not in doors | FREE} == {}


def test_a_third_party_is_found_wherever_it_is_imported():
    assert third_parties("import json\ndef late():\n    from requests import get\n    import edge.db\n") == {"requests"}
