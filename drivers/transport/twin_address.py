"""Where a virtual device listens now: it says so in a small file, and takes the file away when it stops."""

import json
from pathlib import Path
from typing import Any, Final

from drivers.errors import DeviceRejected, Refused, Unreachable
from drivers.transport.address import Address, VirtualAddress, parse

_MOST_BYTES: Final = 4_096


def twin_file(address: VirtualAddress, twins_dir: Path) -> Path:
    """Give the file in which a virtual device says where it is; its name is safe, as `VirtualAddress` allows no other."""
    return twins_dir / f"{address.kind}-{address.name}.json"


def read_twin(address: VirtualAddress, twins_dir: Path) -> dict[str, Any]:
    """Read what a running virtual device says of itself: `address`, `page` (its page in the browser) and `pid`.

    Raises:
        Unreachable: it is not running, or the file is damaged.
        Refused: its address has a switch that no such twin has.
    """
    shown = f"the virtual device {address.kind}/{address.name}"
    try:
        with twin_file(address, twins_dir).open("rb") as file:
            said = json.loads(file.read(_MOST_BYTES))
    except FileNotFoundError as error:
        raise Unreachable(f"{shown} is not running; start it, or give the row the address of a real one") from error
    except (OSError, ValueError) as error:
        raise Unreachable(f"{shown} cannot be read ({type(error).__name__}); start it again") from error
    if isinstance(said, dict) and isinstance(said.get("refused"), str):
        raise Refused(f"{shown}: {said['refused']}")
    if not isinstance(said, dict) or not isinstance(said.get("address"), str):
        raise Unreachable(f"{shown} does not say where it is; start it again")
    return said


def resolve(address: VirtualAddress, twins_dir: Path) -> Address:
    """Give the real address behind a virtual one, as it is now: a twin that was restarted has another.

    Raises:
        Unreachable: the virtual device is not running, or says nothing that can be used.
    """
    said = read_twin(address, twins_dir)["address"]
    try:
        real = parse(said)
    except DeviceRejected as error:
        raise Unreachable(f"{address} does not say where it is ({error}); start it again") from error
    if isinstance(real, VirtualAddress):
        # Two files could point at each other for ever.
        raise Unreachable(f"{address} points at another virtual device; start it again")
    return real
