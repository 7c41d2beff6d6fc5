"""The hub's secrets on disk: made at the first start, mode 0600, read from files and never from settings."""

import hashlib
import hmac
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import msgspec

from sync.node import keys
from sync.node.control import one_at_a_time
from sync.node.keys import KeyFileError
from sync.node.ports import Chance

IDENTITY_FILE = "keys.json"
CONSOLE_PASSWORD_FILE = "console-password.txt"  # noqa: S105 - the name of a file
API_TOKEN_FILE = "api-token.txt"  # noqa: S105 - the name of a file
BROKER_TOKEN_FILE = "broker-token.txt"  # noqa: S105 - the name of a file
BROKER_USERS_FILE = "broker-users.json"
TOKEN_BYTES = 32


def own_identity(folder: Path) -> keys.Identity:
    """Read the hub's identity, made at its first start; never silently another one once there are secrets beside it.

    Raises:
        KeyFileError: with the way back.
    """
    path = folder / IDENTITY_FILE
    try:
        # The broker's users are written at the first start, right behind the keys.
        if (folder / BROKER_USERS_FILE).exists():
            return keys.load(path)
        return keys.load_or_make(path)
    except (FileNotFoundError, KeyFileError) as error:
        raise _lost(path, error) from error


def kept_identity(folder: Path) -> keys.Identity:
    """Read the identity that a backup is opened with; none is made here, for a new one opens nothing.

    Raises:
        KeyFileError: with the way back.
    """
    path = folder / IDENTITY_FILE
    try:
        return keys.load(path)
    except (FileNotFoundError, KeyFileError) as error:
        raise _lost(path, error) from error


def _lost(path: Path, error: Exception) -> KeyFileError:
    return KeyFileError(
        f"{path} is {'damaged' if isinstance(error, KeyFileError) else 'gone'}: without it this hub is not itself to any store, "
        "and nothing was changed. Put back the copy of it that was kept in another place: no backup holds it, and none opens "
        "without it. If there is no copy, this hub does not come back: begin another one in an empty folder. The stores sell on "
        "meanwhile, and keep what they sold"
    )


def derived(identity: keys.Identity, purpose: str) -> bytes:
    """Derive 32 secret bytes for one purpose from the hub's key file."""
    return hmac.digest(identity.journal, f"zhanggui-hub {purpose}".encode(), hashlib.sha256)


def text_of(path: Path, make: Callable[[], str]) -> str:
    """Read a secret of one line, or make and keep it when there is none yet."""
    if not path.exists():
        keys.write_secret(path, make().encode() + b"\n")
    return path.read_text(encoding="ascii").strip()


def token(chance: Chance) -> str:
    """Make a token of 256 bits, as hex."""
    return chance.token(TOKEN_BYTES).hex()


class BrokerUsers:
    """The file of who may speak to the broker: `{username: token}`. The broker reads it, only the hub writes it.

    Any thread and any part of the hub may change it: each change is read, made and written by one of them at a time.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def ensure(self, username: str, made: str) -> str:
        """Give a user's token; `made` becomes it when the user has none."""
        with self._turn():
            users = self._read()
            if username not in users:
                users[username] = made
                self._write(users)
            return users[username]

    def put(self, username: str, held: str) -> None:
        """Set a user's token."""
        with self._turn():
            users = self._read()
            if users.get(username) != held:
                users[username] = held
                self._write(users)

    def has(self, username: str) -> bool:
        """Say whether there is such a user."""
        return username in self._read()

    def remove(self, username: str) -> None:
        """Shut a user out."""
        with self._turn():
            users = self._read()
            if users.pop(username, None) is not None:
                self._write(users)

    def _turn(self) -> AbstractContextManager[None]:
        return one_at_a_time(self._path.parent, f"{self._path.stem}.lock")

    def _read(self) -> dict[str, str]:
        if not self._path.exists():
            return {}
        return msgspec.json.decode(self._path.read_bytes(), type=dict[str, str])

    def _write(self, users: dict[str, str]) -> None:
        keys.write_secret(self._path, msgspec.json.encode(users))
