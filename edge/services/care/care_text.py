"""What `zhanggui-edge devices` and `doctor` print for people."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from edge.services.care.doctor import Check

_SIGNS: Final = {"ok": "ok  ", "warn": "warn", "fail": "FAIL"}


def of_devices(seen: Mapping[str, Any]) -> str:
    """Write what is known of the devices, one a line, with what is wrong below."""
    return "\n".join(_lines(seen))


def of_checks(checks: Sequence[Check]) -> str:
    """Write what was looked at, one a line, with what to do below."""
    lines = []
    for check in checks:
        lines.append(f"{_SIGNS[check.state]}  {check.name}: {check.seen}")
        if check.remedy and check.state != "ok":
            lines.append(f"      {check.remedy}")
    failed = sum(check.state == "fail" for check in checks)
    return "\n".join([*lines, "Nothing fails." if not failed else f"{failed} of {len(checks)} fail."])


def of_drill(told: Mapping[str, Any]) -> str:
    """Write what a drill found, one check a line."""
    if "checks" not in told:
        return str(told.get("error", ""))
    lines = [f"{told['snapshot']}: {told['facts']} facts"]
    lines += [f"{'holds ' if one['ok'] else 'FAILS '} {one['name']}: {one['seen']}" for one in told["checks"]]
    return "\n".join([*lines, "The copy comes back whole." if told["ok"] else "The copy does not come back whole."])


def _lines(seen: Mapping[str, Any]) -> Iterator[str]:
    if not seen["running"]:
        yield "The node is stopped; nothing was opened."
    for device in seen["devices"]:
        cause = f" ({device['cause']})" if device["cause"] else ""
        held = ", on hold" if device["held"] else ""
        yield f"{device['id']:16} {device['kind']:12} {device['state']}{cause}{held}  {device['address']}"
        if device["detail"]:
            yield f"{'':16} {device['detail']}"
        if device["parked"] or device["waiting"]:
            yield f"{'':16} {device['waiting']} slips wait, {device['parked']} are parked"
    if not seen["devices"]:
        yield "No device row can be used."
    for problem in seen["problems"]:
        yield f"row {problem['position']} {problem['id']}: {problem['field']}: {problem['detail']}"
    for found in seen["found"]:
        kinds = ", ".join(found["kinds"]) or "not supported"
        yield f"found without a row: {found['seen']} ({kinds}) {found['address']}"
