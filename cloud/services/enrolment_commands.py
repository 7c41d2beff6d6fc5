"""What the commands `approve`, `broker-files` and `enrol-store --sheet` ask of a hub; requests and answers are JSON."""

from pathlib import Path

import msgspec

from cloud.services import code_sheet, tls_files
from cloud.services.accounts import CLI
from cloud.services.hub import Hub


def answer(hub: Hub, request: dict[str, object]) -> dict[str, object]:
    """Carry out one command."""
    match request:
        case {"command": "waiting"}:
            return {"ok": True, "waiting": msgspec.to_builtins(hub.enrolment.waiting())}
        case {"command": "approve" | "refuse" as deed, "store": str(store), "fingerprint": str(fingerprint)}:
            if hub.enrolment.decide(store, fingerprint, approve=deed == "approve", by=CLI.actor):
                return {"ok": True, "store": store}
            return {"ok": False, "error": f"no node with this fingerprint waits for store {store!r}; compare it again"}
        case {"command": "broker-files", "out": str(out), "hosts": [*hosts]}:
            return _broker_files(hub, Path(out), tuple(str(host) for host in hosts))
        case {"command": "sheet", "store": str(store), "code": str(code)}:
            url = tls_files.console_url(hub.settings)
            return {"ok": True, "text": code_sheet.text(hub=url, store=store, code=code, ca=hub.authority.fingerprint)}
        case _:
            return {"ok": False, "error": f"unknown command {request.get('command')!r}"}


def _broker_files(hub: Hub, out: Path, hosts: tuple[str, ...]) -> dict[str, object]:
    try:
        names = tls_files.write_for_broker(hub.authority, out, hosts)
    except OSError as error:
        return {"ok": False, "error": f"{out}: {error.strerror}; name a folder that may be written"}
    return {"ok": True, "files": names, "ca": hub.authority.fingerprint}
