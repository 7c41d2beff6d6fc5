"""The till's API: status, menu, sales, slips, invites. The till page itself uses nothing else."""

import re
from datetime import date
from typing import Annotated

import msgspec
from flask import Blueprint, Response, request

from edge.db import print_jobs
from edge.db.print_jobs import Job
from edge.domain import slip_rules
from edge.domain.device_rows import PrinterRow
from edge.domain.refusal import Refused
from edge.domain.roles import Action
from edge.services.care import status as statuses
from edge.services.devices.device_care import OpenCommand, RedirectCommand, StaleCommand
from edge.services.guests import e_receipt, verify_invite
from edge.services.money import read_sales
from edge.services.money.book_sale import SaleAnswer
from edge.services.printing import slips
from edge.web import problems, words
from edge.web.access import asker, care, command, desk, lan, only, seen_by, signed_in, staff_only, who, whole_number
from edge.web.problems import Problem
from sync.contract import ids

api = Blueprint("api", __name__, url_prefix="/api/v1")

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_N_MAX = 10**15


class ReprintCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Asks for a marked copy; the id makes a repeat harmless."""

    request_id: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$", max_length=32)]


class DiscardCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a slip is not wanted."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=slips.REASON_CHARS_MAX)]


class VerifyCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was scanned or typed."""

    code: Annotated[str, msgspec.Meta(min_length=1, max_length=400)]


def _json(body: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(body), status=status, mimetype="application/json")


@api.get("/status")
def read_status() -> Response:
    """Say how everything is; also for somebody not signed in."""
    return _json(seen_by(asker(), statuses.status(desk(), who())))


@api.get("/menu")
@staff_only
def read_menu() -> Response:
    """Give the menu in force, under its version as ETag."""
    catalogue = desk().node.shelf.catalogue
    if catalogue is None:
        raise Problem("no_menu")
    answer = _json(catalogue.menu)
    answer.set_etag(f"menu-{catalogue.menu.version}")
    answer.headers["Cache-Control"] = "no-cache"
    answer.make_conditional(request)
    return answer


@api.get("/words")
def read_words() -> Response:
    """Give the catalogue of words."""
    answer = _json(words.catalogue())
    answer.headers["Cache-Control"] = "no-cache"
    return answer


@api.get("/sales")
@staff_only
def list_sales() -> Response:
    """List sales in commit order."""
    found, behind = read_sales.page(
        desk().node, whole_number("after", 0, (0, _N_MAX)), whole_number("limit", 100, (1, read_sales.PAGE_MAX))
    )
    return _json({"sales": found, "next": behind})


@api.get("/sales/<sale_id>")
@staff_only
def read_sale(sale_id: str) -> Response:
    """Give one sale and its slips."""
    found = read_sales.one(desk().node, sale_id) if ids.is_uuid7_hex(sale_id) else None
    if found is None:
        raise Problem("not_found")
    answer, jobs = found
    return _json({**_fields(answer), "prints": [_job(job) for job in jobs]})


@api.get("/totals")
@only(Action.READ_X)
def read_totals() -> Response:
    """Give the takings of a business day, or of all."""
    day = request.args.get("day")
    if day is not None and not _is_day(day):
        raise Problem("malformed", field="day", expected="YYYY-MM-DD")
    rows = read_sales.totals(desk().node, day)
    total = {"sales": sum(row[1] for row in rows), "amount_fen": sum(row[2] for row in rows)}
    if day is not None:
        return _json({"day": day, **total})
    return _json({"days": [{"day": row[0], "sales": row[1], "amount_fen": row[2]} for row in rows], **total})


@api.post("/sales/<sale_id>/reprint")
@only(Action.REPRINT)
def reprint(sale_id: str) -> Response:
    """Queue a marked copy of a receipt."""
    asked = command(ReprintCommand)
    if not ids.is_uuid7_hex(sale_id):
        raise Problem("not_found")
    queued = slips.reprint(desk().node, sale_id, asked.request_id)
    return _queued(queued)


@api.get("/sales/<sale_id>/e-receipt")
@staff_only
def read_e_receipt(sale_id: str) -> Response:
    """Give the address of a receipt on the guest's phone, with its QR code."""
    found = e_receipt.e_receipt(desk().node, lan(), sale_id) if ids.is_uuid7_hex(sale_id) else Refused("not_found")
    return problems.refused(found) if isinstance(found, Refused) else _json(found)


@api.get("/print-jobs")
@only(Action.DEVICES)
def list_print_jobs() -> Response:
    """List the slips that are not settled."""
    looked = care()
    jobs = [
        {**_job(job), "printer": looked.printer_id(job), "others": [_printer(row) for row in looked.others(job)]}
        for job in looked.jobs()
    ]
    printers = [_printer(row) for row in desk().node.devices.of(PrinterRow)]
    return _json({"jobs": jobs, "printers": printers})


@api.post("/print-jobs/<job_id>/retry")
@only(Action.DEVICES)
def retry_print_job(job_id: str) -> Response:
    """Send a parked slip again."""
    return _job_answer(slips.retry(desk().node, job_id))


@api.post("/print-jobs/<job_id>/discard")
@only(Action.DEVICES)
def discard_print_job(job_id: str) -> Response:
    """Give a parked slip up, with a reason."""
    return _job_answer(slips.discard(desk().node, job_id, command(DiscardCommand).reason))


@api.post("/print-jobs/<job_id>/redirect")
@only(Action.DEVICES)
def redirect_print_job(job_id: str) -> Response:
    """Send a slip to another printer."""
    return _job_answer(slips.redirect(desk().node, job_id, command(RedirectCommand).printer))


@api.post("/printers/<printer_id>/stale")
@only(Action.DEVICES)
def answer_stale(printer_id: str) -> Response:
    """Answer for all slips of a printer that were too old to print unasked."""
    answered = care().answer_stale(printer_id, command(StaleCommand).answer)
    return problems.refused(answered) if isinstance(answered, Refused) else _json({"slips": answered})


@api.get("/devices")
@only(Action.DEVICES)
def list_devices() -> Response:
    """Give everything about the devices of the store."""
    return _json(care().report())


@api.post("/devices/<device_id>/hold")
@only(Action.DEVICES)
def hold_device(device_id: str) -> Response:
    """Let a device wait."""
    return _done(care().hold(device_id, held=True))


@api.post("/devices/<device_id>/release")
@only(Action.DEVICES)
def release_device(device_id: str) -> Response:
    """Let a device go on."""
    return _done(care().hold(device_id, held=False))


@api.post("/devices/<device_id>/retry")
@only(Action.DEVICES)
def retry_device(device_id: str) -> Response:
    """Try a device again at once."""
    return _done(care().retry(device_id))


@api.post("/devices/<device_id>/accept")
@only(Action.DEVICES)
def accept_device(device_id: str) -> Response:
    """Let the printer that stands at an address now print."""
    return _done(care().accept(device_id))


@api.post("/devices/<device_id>/test")
@only(Action.DEVICES)
def test_device(device_id: str) -> Response:
    """Queue a slip that shows how a printer prints."""
    return _queued(care().test(device_id))


@api.post("/drawers/<drawer_id>/open")
def open_drawer(drawer_id: str) -> Response:
    """Open the drawer of the till that asks, for a reason."""
    session, asked = signed_in(), command(OpenCommand)
    return _queued(care().open_drawer(session, drawer_id, asked.reason, asked.request_id, asked.approval_id))


@api.post("/invites/verify")
@staff_only
def verify() -> Response:
    """Judge an invite by its signature alone."""
    found = verify_invite.verify_invite(desk().node, command(VerifyCommand).code)
    return _json(found)


def _is_day(text: str) -> bool:
    if _DAY.fullmatch(text) is None:
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _fields(answer: SaleAnswer) -> dict[str, object]:
    return {name: getattr(answer, name) for name in answer.__struct_fields__}


def _job(job: Job) -> dict[str, object]:
    return {
        "id": job.job_id,
        "kind": job.document,
        "sale_id": job.subject,
        "receipt_no": job.label,
        "state": job.state,
        "reason": job.reason,
        "copy": job.copy,
        "created_ms": job.created_ms,
        "age_ms": slip_rules.age_ms(job.created_ms, desk().node.clock.now_ms()),
        "station": job.station,
        "printer": job.printer,
        "moved_from": job.moved_from,
        "asks": job.asked == print_jobs.ASKING,
    }


def _printer(row: PrinterRow) -> dict[str, str]:
    return {"id": row.id, "name": row.name or row.id}


def _done(refusal: Refused | None) -> Response:
    return Response(status=204) if refusal is None else problems.refused(refusal)


def _queued(job_id: str | Refused) -> Response:
    return problems.refused(job_id) if isinstance(job_id, Refused) else _json({"job_id": job_id}, 202)


def _job_answer(job: Job | Refused) -> Response:
    return problems.refused(job) if isinstance(job, Refused) else _json(_job(job))
