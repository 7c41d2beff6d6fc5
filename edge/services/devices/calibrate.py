"""Finding out how a printer wants its bytes: a slip that tries everything, a slip that shows the answer, keep it or undo it.

The slips are jobs of the spool like any other, so they wait for paper, are parked and are marked when repeated. They never
go to the fall-back: what another printer prints says nothing about this one.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from drivers.document import ReceiptDoc
from drivers.errors import DeviceRejected
from drivers.escpos.profile import PrinterProfile
from drivers.printer import calibration, profiles
from edge.db import device_memory, print_jobs
from edge.db.journal import Draft
from edge.db.print_jobs import Job, NewSlip
from edge.domain.refusal import Refused
from edge.receipts import care
from edge.receipts.calibration import CalibrationSlip, TrialSlip
from edge.services.devices import device_facts
from edge.services.node import Node
from edge.services.printing import slip_changes
from edge.services.printing.spool import NodeSpool
from sync.contract import operations
from sync.contract.operations import DeviceCalibrated
from sync.node.database import Tx

CALIBRATION: Final = "calibration"
TRIAL: Final = "trial"
"""Kinds of slip; `trial` is also the key under which the profile on trial is remembered."""
OWN_SLIPS: Final = frozenset({CALIBRATION, TRIAL})


class CalibrationSpool(NodeSpool):
    """A printer's slips, those of its calibration among them."""

    def document(self, job: Job, profile: PrinterProfile = profiles.GENERIC_80) -> ReceiptDoc:
        """Build what a slip says."""
        if job.document == CALIBRATION:
            return CalibrationSlip((), job.copy)
        if job.document != TRIAL:
            return super().document(job, profile)
        tried = _tried(self.recall().get(TRIAL, ""), profile)
        row = self._row
        about = care.PrinterFacts(row.id, row.name or row.id, tried.name, tried.columns, tried.width_dots)
        return TrialSlip(care.test_slip(about, job.created_ms, self._node.zone, job.copy).elements, tried)

    def movable(self) -> list[str]:
        """List the slips that may go to the fall-back."""
        with self._node.db.read() as reader:
            jobs = [print_jobs.by_id(reader, job_id) for job_id in super().movable()]
        return [job.job_id for job in jobs if job is not None and job.document not in OWN_SLIPS]


def print_slip(node: Node, printer_id: str) -> str | Refused:
    """Queue the slip that tries everything; gives the job."""
    return _queued(node, printer_id, CALIBRATION, None)


def print_trial(node: Node, printer_id: str, profile: PrinterProfile) -> str | Refused:
    """Queue a test slip in a profile that is not kept yet; gives the job."""
    return _queued(node, printer_id, TRIAL, profile)


def found(node: Node, printer_id: str, answers: Mapping[str, str]) -> PrinterProfile | Refused:
    """Make the profile that the answers describe; `malformed` when an answer is missing or none of those offered."""
    row = node.devices.printer(printer_id)
    if row is None:
        return Refused("not_found", {"printer": printer_id[:64]})
    try:
        return calibration.profile_from(answers, of_settings(node, printer_id))
    except DeviceRejected as error:
        return Refused("malformed", {"reason": str(error)})


def keep(node: Node, printer_id: str, answers: Mapping[str, str], actor: str) -> Refused | None:
    """Use the profile that the answers describe from the next slip on, over restarts too."""
    profile = found(node, printer_id, answers)
    return profile if isinstance(profile, Refused) else device_facts.calibrate(node, printer_id, profile, actor)


def undo(node: Node, printer_id: str, actor: str) -> Refused | None:
    """Go back to the profile of the settings; the journal is told that profile, as an opposite fact."""
    if node.training:
        return Refused(node.idle_code)
    if node.devices.printer(printer_id) is None:
        return Refused("not_found", {"printer": printer_id[:64]})
    place = node.place()
    text = msgspec.json.encode(profiles.to_json(of_settings(node, printer_id))).decode()
    body = DeviceCalibrated(device=printer_id, profile=text)
    draft = Draft(node.ids.uuid7(), 1, operations.DEVICE_CALIBRATED, 1, body, actor=actor, device=printer_id)

    def work(tx: Tx) -> bool:
        with_profile = device_memory.PROFILE in device_memory.recall(tx, printer_id)
        if with_profile:
            slip_changes.append(tx, node, place, [draft])
            device_memory.remember(tx, printer_id, device_memory.PROFILE, "")
            device_memory.remember(tx, printer_id, device_memory.LEARNED, "")
        return with_profile

    if node.db.write(work):
        slip_changes.tell(node)
        node.printing.notify()
    return None


def kept(node: Node, printer_id: str) -> bool:
    """Say whether a person's profile is in use."""
    with node.db.read() as reader:
        return device_memory.PROFILE in device_memory.recall(reader, printer_id)


def of_settings(node: Node, printer_id: str) -> PrinterProfile:
    """Give the profile that the settings name, or the generic one for a model that nobody knows."""
    row = node.devices.printer(printer_id)
    assert row is not None, "callers look for the row first"
    return profiles.known(row.profile)[0]


def _queued(node: Node, printer_id: str, document: str, profile: PrinterProfile | None) -> str | Refused:
    if node.training:
        return Refused(node.idle_code)
    row = node.devices.printer(printer_id)
    if row is None:
        return Refused("not_found", {"printer": printer_id[:64]})
    job_id = node.ids.uuid7().hex()
    slip = NewSlip(job_id, document, row.id, row.name or row.id, document, row.id)

    def work(tx: Tx) -> None:
        if profile is not None:
            text = msgspec.json.encode(profiles.to_json(profile)).decode()
            device_memory.remember(tx, row.id, TRIAL, text)
        print_jobs.add(tx, slip, 0, node.clock.now_ms())

    node.db.write(work)
    node.printing.notify()
    node.changed.notify()
    return job_id


def _tried(text: str, instead: PrinterProfile) -> PrinterProfile:
    """Read the profile on trial; one that is gone or of another version is no reason to leave a slip unprinted."""
    try:
        return profiles.from_json(msgspec.json.decode(text))
    except (DeviceRejected, msgspec.DecodeError):
        return instead
