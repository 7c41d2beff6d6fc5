"""What a drill of either side tells of each thing that it compared."""

import msgspec


class CheckResult(msgspec.Struct, frozen=True, kw_only=True):
    """One check of a drill: its name, whether it held, and what was seen."""

    name: str
    ok: bool
    seen: str
