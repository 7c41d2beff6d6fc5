"""The health door: open to whoever may reach the listener, for it says nothing of the trade."""

import msgspec
from flask import Blueprint, Response

from edge.services.care import health as looking
from edge.web.access import desk

health = Blueprint("health", __name__, url_prefix="/api/v1")


@health.get("/health")
def read_health() -> Response:
    """Say whether the node can sell: 200, or 503 with the part that does not answer."""
    found = looking.health(desk())
    return Response(msgspec.json.encode(found), status=200 if found.ok else 503, mimetype="application/json")
