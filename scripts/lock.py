"""Makes the hash locks in config/locks from the .in files beside them; `--check` only says whether they would change."""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

LOCKS = Path(__file__).resolve().parent.parent / "config" / "locks"
FLAGS = (
    "--universal",
    "--python-version=3.11",
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-header",
    "--no-annotate",
    "--quiet",
    # Two packages ask for these for features of their own command lines; every environment brings its pip.
    "--no-emit-package=pip",
    "--no-emit-package=setuptools",
)


def compile_locks(folder: Path, *, upgrade: bool) -> None:
    """Write every lock of a folder: the widest first, the others under its constraints, so that all agree on versions.

    Raises:
        subprocess.CalledProcessError: the resolver found no answer; it says why on stderr.
    """
    uv = str(Path(sys.executable).with_name("uv"))
    again = ["--upgrade"] if upgrade else []
    subprocess.run([uv, "pip", "compile", *FLAGS, *again, "dev.in", "-o", "dev.txt"], cwd=folder, check=True)
    for name in ("demo", "edge", "hub"):
        arguments = [f"{name}.in", "--constraint", "dev.txt", "-o", f"{name}.txt"]
        subprocess.run([uv, "pip", "compile", *FLAGS, *arguments], cwd=folder, check=True)
    arguments = ["--no-deps", "assets.in", "-o", "assets.txt"]
    subprocess.run([uv, "pip", "compile", *FLAGS, *arguments], cwd=folder, check=True)


def main(arguments: list[str]) -> int:
    """Compile into a copy, then compare or replace, so that a failure leaves the locks as they were."""
    parser = argparse.ArgumentParser(prog="dev.py lock", description=__doc__)
    parser.add_argument("--upgrade", action="store_true", help="take newer versions where there are any")
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if a lock is not up to date")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(LOCKS, folder, dirs_exist_ok=True)
        try:
            compile_locks(folder, upgrade=chosen.upgrade)
        except subprocess.CalledProcessError as error:
            return error.returncode
        made = {path.name: path.read_bytes() for path in sorted(folder.glob("*.txt"))}
    changed = [name for name, data in made.items() if not _same(LOCKS / name, data)]
    if not chosen.check:
        for name in changed:
            (LOCKS / name).write_bytes(made[name])
    for name in changed:
        print(f"{name}: {'differs' if chosen.check else 'written'}")
    return 1 if chosen.check and changed else 0


def _same(path: Path, data: bytes) -> bool:
    return path.is_file() and path.read_bytes() == data


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
