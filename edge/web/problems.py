"""Every refusal as JSON: a status, a code, a sentence in the asker's language; never a stack trace."""

import logging
from http import HTTPStatus

import msgspec
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from edge.domain.refusal import Refused
from edge.services.care import disk
from edge.web.words import locale_of, sentence

STATUS = {
    "malformed": 400,
    "unknown_field": 400,
    "forbidden_host": 400,
    "not_signed_in": 401,
    "not_measured": 403,
    "wrong_pin": 401,
    # People.
    "session_locked": 401,
    "no_badge": 404,
    "not_allowed": 403,
    "needs_approval": 403,
    "approver_not_allowed": 403,
    "approval_own": 403,
    "pin_needs_manager": 403,
    "pin_taken": 409,
    "badge_taken": 409,
    "last_manager": 409,
    "already_set_up": 409,
    # Payments.
    "no_gateway": 409,
    "code_gone": 409,
    "payment_undecided": 409,
    "payment_settled": 409,
    "payment_used": 409,
    "payment_returned": 409,
    "payment_exceeds": 409,
    "deposit_gone": 409,
    "no_bill": 409,
    # Refunds and shifts.
    "nothing_to_refund": 409,
    "refund_too_much": 409,
    "refund_pieces": 409,
    "refund_changed": 409,
    "deposit_day": 409,
    "partly_refunded": 409,
    "sale_archive_lost": 409,
    # Refunds of other stores' sales.
    "hub_silent": 409,
    "store_silent": 409,
    "not_a_receipt": 404,
    "own_sale": 409,
    "sale_not_there": 404,
    "refund_dropped": 409,
    "refund_given": 409,
    "refund_refused": 409,
    "counted_already": 409,
    "count_first": 409,
    "reason_needed": 409,
    "open_orders": 409,
    # Members.
    "live_code_wrong": 404,
    "live_code_stopped": 409,
    "live_code_off": 409,
    "guests_not_served": 409,
    "members_off": 409,
    "members_not_ready": 409,
    "member_unknown": 404,
    "member_code_old": 409,
    "member_code_wrong": 404,
    "no_printer": 409,
    "phone_taken": 409,
    "member_sealed": 409,
    "points_short": 409,
    "points_floor": 409,
    "points_at_home": 409,
    "gift_gone": 409,
    "gift_changed": 409,
    "claim_used": 409,
    "claim_done": 409,
    "claim_late": 410,
    "claim_refunded": 409,
    "claim_empty": 409,
    "invite_expired": 410,
    # Terminals and guests.
    "not_paired": 401,
    "pairing_code_wrong": 403,
    "lan_closed": 409,
    "too_many_codes": 409,
    "too_many_terminals": 409,
    "table_code_wrong": 404,
    "table_code_old": 410,
    "too_many_waiting": 409,
    "too_often": 429,
    "forbidden_origin": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "sale_id_reused": 409,
    "request_id_reused": 409,
    "price_changed": 409,
    "training_mode": 409,
    "practice_over": 410,
    # Takeaway platforms.
    "platform_away": 503,
    "platform_order_off": 409,
    "platform_order_odd": 409,
    "platform_not_accepted": 409,
    "fenced": 409,
    "revoked": 409,
    "being_replaced": 409,
    "needs_new_epoch": 409,
    "no_menu": 409,
    "not_reprintable": 409,
    "no_such_action": 409,
    "other_till_drawer": 409,
    # Paying an order: another till was faster.
    "lines_waiting": 409,
    "line_gone": 409,
    # Orders: somebody else was faster.
    "order_closed": 409,
    "other_order_closed": 409,
    "order_part_paid": 409,
    "order_has_payments": 409,
    "order_not_empty": 409,
    "table_taken": 409,
    "line_sent": 409,
    "line_paid": 409,
    "line_id_reused": 409,
    "nothing_left": 409,
    "sold_out": 409,
    "stale_floor": 409,
    "table_in_use": 409,
    # The house: menu by file, bookings.
    "menu_of_hq": 409,
    "stale_menu": 409,
    "table_booked": 409,
    "no_table_free": 409,
    "booking_ended": 409,
    # Refused for good, nothing was kept: the order goes back to the slip.
    "disk_full": 409,
    "disk_read_only": 409,
    # Not known whether it was kept: the till asks again under the same id.
    "disk_error": 500,
    "database_damaged": 500,
    "too_large": 413,
    "not_json": 415,
    "pin_locked": 429,
    "too_many_streams": 503,
    "busy": 503,
    "internal": 500,
}
"""Codes with a status of their own; every other refusal is a 422."""

_CODE_OF_STATUS = {400: "malformed", 404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "not_json"}

log = logging.getLogger(__name__)


class Problem(Exception):
    """Ends a request with a refusal."""

    def __init__(self, code: str, **details: object) -> None:
        super().__init__(code)
        self.code = code
        self.details = details


def respond(code: str, details: dict[str, object] | None = None) -> Response:
    """Build the answer for a refusal."""
    status = STATUS.get(code, 422)
    body = {
        "status": status,
        "code": code,
        "message": sentence(code, locale_of(request)),
        "details": details or {},
    }
    answer = Response(msgspec.json.encode(body), status=status, mimetype="application/json")
    if code in {"pin_locked", "too_often"} and details is not None:
        answer.headers["Retry-After"] = str(details["retry_after_s"])
    return answer


def refused(refusal: Refused) -> Response:
    """Build the answer for a use case's refusal."""
    return respond(refusal.code, refusal.details)


def register(app: Flask) -> None:
    """Turn everything that can end a request into an answer of ours."""

    @app.errorhandler(Problem)
    def _problem(error: Problem) -> Response:
        return respond(error.code, error.details)

    @app.errorhandler(HTTPException)
    def _http(error: HTTPException) -> Response:
        status = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
        other = "malformed" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "internal"
        answer = respond(_CODE_OF_STATUS.get(status, other))
        answer.headers.extend({name: value for name, value in error.get_headers() if name == "Allow"})
        return answer

    @app.errorhandler(Exception)
    def _fault(error: Exception) -> Response:
        log.error("web.failed", exc_info=error, extra={"path": request.path, "kind": type(error).__name__})
        code = disk.refusal_of(error, None)
        return respond("internal" if code is None else code)
