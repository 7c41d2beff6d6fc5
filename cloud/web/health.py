"""The health door: open to whoever may reach the listener, for it says nothing of the trade."""

from flask import Blueprint, Response

from cloud.web import access, api, frame

interface = Blueprint("health", __name__, url_prefix="/api/v1")


@interface.get("/health")
@access.open_to_all
def read() -> Response:
    """Say whether the hub can do its work: 200, or 503 with the part that does not answer."""
    found = frame.site().hub.checkup.look()
    return api.answer(found, 200 if found.ok else 503)
