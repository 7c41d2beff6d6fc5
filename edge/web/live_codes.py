"""Live codes (活码) for the people of the house: which there are, and one of them on a slip."""

import msgspec
from flask import Blueprint, Response

from edge.domain.roles import Action
from edge.services.guests import live_codes as codes
from edge.services.guests.live_codes import PrintLiveCommand
from edge.web.access import command, desk, lan, only, signed_in
from edge.web.orders import done
from edge.web.problems import Problem
from sync.contract import live_codes as contract

live_codes = Blueprint("live_codes", __name__)

API = "/api/v1/live-codes"


@live_codes.get(API)
@only(Action.TABLES)
def list_codes() -> Response:
    """Give the codes of this store that hold."""
    return Response(msgspec.json.encode(codes.listed(desk().node, lan())), mimetype="application/json")


@live_codes.post(f"{API}/<code_id>/print")
def print_code(code_id: str) -> Response:
    """Print a code on a slip."""
    session = signed_in()
    if not contract.is_code_id(code_id):
        raise Problem("not_found")
    return done(codes.print_slip(desk().node, lan(), session, code_id, command(PrintLiveCommand)))
