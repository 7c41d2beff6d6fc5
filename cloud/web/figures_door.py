"""`/metrics` for Prometheus: to programs on this machine, and to whoever shows the token for programs.

It has a rule of its own beside the roles: a scraper is nobody, has no session, and sees no page.
"""

from flask import Blueprint, Response, request

from cloud.web import access, asked, auth, frame
from cloud.web.problems import Problem

pages = Blueprint("figures", __name__)
_LOOPBACK = frozenset({"127.0.0.1", "::1"})


@pages.get("/metrics")
@access.open_to_all
def figures() -> Response:
    """Give every figure of now."""
    asked.only()
    if not _may_measure():
        raise Problem(403, "not_measured")
    text = frame.site().hub.figures.text()
    return Response(text, content_type="text/plain; version=0.0.4; charset=utf-8")


def _may_measure() -> bool:
    if "Authorization" in request.headers:
        # Whoever shows a token means it: a wrong one is refused from this machine too.
        return auth.is_program()
    # What a proxy passes on comes from this machine only by its looks, unless the settings know the proxy.
    here = request.remote_addr in _LOOPBACK
    return here and "X-Forwarded-For" not in request.headers
