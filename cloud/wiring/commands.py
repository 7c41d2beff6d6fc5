"""What `zhanggui-hub` commands do to the hub."""

from cloud.services import backup_commands, enrolment_commands, steering_commands, user_commands, verify
from cloud.services.accounts import CLI
from cloud.services.backup import Backups
from cloud.services.enrol import BadStore
from cloud.services.members import rule_file
from cloud.wiring.core import Core
from sync.contract.words import Name
from sync.node.ports import SystemChance


class Commands:
    """What `zhanggui-hub` commands do, in the running process or, when there is none, on the files themselves."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def answer(self, request: dict[str, object]) -> dict[str, object]:
        """Carry out one command."""
        match request:
            case {"command": "enrol-store", "store": str(store), "name_zh": zh, "name_en": en}:
                return self._enrol_store(store, Name(zh, en) if isinstance(zh, str) and isinstance(en, str) else None)
            case {"command": "revoke", "store": str(store), "epoch": int(epoch)}:
                if self._core.hub.enrolment.revoke(store, epoch):
                    return {"ok": True, "store": store, "epoch": epoch}
                return {"ok": False, "error": f"store {store!r} has no key of epoch {epoch} that still counts"}
            case {"command": "publish" | "command" | "config"}:
                return steering_commands.answer(self._core.hub, request)
            case {"command": "verify"}:
                hub = self._core.hub
                self._core.projector.catch_up()
                hub.members.booker.catch_up()
                report = verify.verify(self._core.database, hub.zone, hub.settings.folder)
                outcome = "whole" if report.ok else "damaged"
                self._record("hub.verified", facts=report.facts, outcome=outcome)
                return report.as_json()
            case {"command": "backup" | "drill"}:
                hub = self._core.hub
                copies = Backups(self._core.database, hub.settings, self._core.identity, hub.clock, SystemChance())
                return backup_commands.answer(copies, request)
            case {"command": "points"}:
                return rule_file.answer(self._core.hub.members.desk, request)
            case {"command": "user"}:
                return user_commands.answer(self._core.hub.console.accounts, request)
            case {"command": "waiting" | "approve" | "refuse" | "broker-files" | "sheet"}:
                return enrolment_commands.answer(self._core.hub, request)
            case {"command": "replay", "parked": True}:
                retried = self._core.projector.retry()
                self._record("parked.retried", "all", tried=retried.tried, understood=retried.understood)
                return {"ok": True, "tried": retried.tried, "understood": retried.understood}
            case {"command": "replay"}:
                facts = self._core.projector.replay()
                self._record("hub.replayed", facts=facts)
                return {"ok": True, "facts": facts}
            case _:
                return {"ok": False, "error": f"unknown command {request.get('command')!r}"}

    def _record(self, action: str, target: str = "", **detail: str | int) -> None:
        self._core.hub.console.audit_log.record(CLI.actor, action, target, **detail)

    def _enrol_store(self, store: str, name: Name | None) -> dict[str, object]:
        try:
            made = self._core.hub.enrolment.make_code(store, name)
        except BadStore as error:
            return {"ok": False, "error": str(error)}
        return {"ok": True, "store": made.store, "code": made.code, "expires_ms": made.expires_ms}
