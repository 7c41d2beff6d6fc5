"""What the journal is told of devices: one that went down or came up, and a printer's profile that a person found out."""

import logging

import msgspec

from drivers.escpos.profile import PrinterProfile
from drivers.printer import profiles
from edge.db import device_memory
from edge.db.journal import Draft
from edge.domain.refusal import Refused
from edge.services.node import Node
from edge.services.printing import slip_changes
from sync.contract import operations
from sync.contract.operations import DeviceCalibrated, DeviceChanged
from sync.node.database import Tx

log = logging.getLogger(__name__)


def changed(node: Node, turn: DeviceChanged) -> None:
    """Keep that a device went down or came up; a journal that cannot be written does not stop the device."""
    if node.training:
        return
    try:
        _append(node, Draft(node.ids.uuid7(), 1, operations.DEVICE_CHANGED, 1, turn, device=turn.device))
    except Exception:
        log.exception("device.fact_failed", extra={"device": turn.device})


def calibrate(node: Node, printer_id: str, profile: PrinterProfile, actor: str) -> Refused | None:
    """A person found out how a printer wants its bytes: it is used from the next slip on, over restarts too.

    How the printer confirms is found out anew.
    """
    if node.training:
        return Refused(node.idle_code)
    if node.devices.printer(printer_id) is None:
        return Refused("not_found", {"printer": printer_id[:64]})
    text = msgspec.json.encode(profiles.to_json(profile)).decode()
    body = DeviceCalibrated(device=printer_id, profile=text)
    kept = {device_memory.PROFILE: text, device_memory.LEARNED: ""}
    _append(
        node,
        Draft(node.ids.uuid7(), 1, operations.DEVICE_CALIBRATED, 1, body, actor=actor, device=printer_id),
        remember=(printer_id, kept),
    )
    node.printing.notify()
    return None


def accept(node: Node, printer_id: str) -> Refused | None:
    """A person says that another printer stands at the address now and may print: it is got to know anew."""
    if node.devices.printer(printer_id) is None:
        return Refused("not_found", {"printer": printer_id[:64]})
    node.db.write(lambda tx: device_memory.remember(tx, printer_id, device_memory.LEARNED, ""))
    node.printing.notify()
    return None


def _append(node: Node, draft: Draft, remember: tuple[str, dict[str, str]] | None = None) -> None:
    place = node.place()

    def work(tx: Tx) -> None:
        slip_changes.append(tx, node, place, [draft])
        if remember is not None:
            device, kept = remember
            for key, value in kept.items():
                device_memory.remember(tx, device, key, value)

    node.db.write(work)
    slip_changes.tell(node)
