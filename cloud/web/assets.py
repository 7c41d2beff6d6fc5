"""Addresses of static files that change with their bytes, so that browsers may keep them for ever."""

import base64
import hashlib
from pathlib import Path
from typing import NamedTuple

STATIC = Path(__file__).with_name("static")


class Asset(NamedTuple):
    """A static file: its address with a hash in it, and the hash in the form of the `integrity` attribute."""

    url: str
    integrity: str


class Assets:
    """Every file below the static folder, hashed once when the application is built."""

    def __init__(self, folder: Path = STATIC, base: str = "/static") -> None:
        """Hash the files of a folder that is served under `base`."""
        self._assets = {
            path.relative_to(folder).as_posix(): _asset(path, f"{base}/{path.relative_to(folder).as_posix()}")
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }

    def get(self, name: str) -> Asset | None:
        """Give a file, or None when it is not there (third-party scripts are copied at set-up and may be missing)."""
        return self._assets.get(name)

    def url(self, name: str) -> str:
        """Give the address of a file of our own.

        Raises:
            KeyError: there is no such file.
        """
        return self._assets[name].url


def _asset(path: Path, url: str) -> Asset:
    digest = hashlib.sha256(path.read_bytes()).digest()
    return Asset(f"{url}?v={digest.hex()[:12]}", "sha256-" + base64.b64encode(digest).decode("ascii"))
