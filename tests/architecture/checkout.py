"""What the architecture tests read: the files of this checkout and its import contracts."""

import subprocess
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("edge", "cloud", "drivers", "sync")


def repository_files() -> list[Path]:
    """Every file that is committed or would be, relative to the root; ignored ones are not."""
    arguments = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(arguments, stdout=subprocess.PIPE, check=True).stdout.decode().split("\0")
    return sorted(Path(name) for name in set(listed) if name and (ROOT / name).is_file())


def python_files() -> list[Path]:
    """The Python files of the four packages, relative to the root."""
    return [path for path in repository_files() if path.suffix == ".py" and path.parts[0] in PACKAGES]


def contracts(pyproject: Path) -> list[dict[str, Any]]:
    """The import contracts of a pyproject file."""
    found = tomllib.loads(pyproject.read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    assert isinstance(found, list)
    return found
