"""A random word in a cookie of the guest's phone, so that nobody brings themselves (`cloud.services.members.devices`).

Nobody is given it for looking at a page: only with a form that was sent, and on a member's own page. It is read by nothing else, says
nothing of anybody, and ends when the hub has forgotten its digest.
"""

import re
from typing import cast

from flask import after_this_request, current_app, g, request
from werkzeug.wrappers import Response

from cloud.services.members.shared import Shared
from cloud.web.frame import EXTENSION, Site

COOKIE = "zg_phone"
_MARKER = re.compile(r"[0-9a-f]{32}")
_BYTES = 16


def marker() -> str:
    """Give the marker of the phone that asks; one that has none gets it with this answer."""
    found = request.cookies.get(COOKIE, "")
    if _MARKER.fullmatch(found) is not None:
        return found
    if "guest_marker" not in g:
        g.guest_marker = _shared().chance.token(_BYTES).hex()
        after_this_request(_give)
    return cast("str", g.guest_marker)


def _give(answer: Response) -> Response:
    answer.set_cookie(
        COOKIE,
        g.guest_marker,
        max_age=_shared().policy.device_ms // 1000,
        secure=request.is_secure,
        httponly=True,
        samesite="Lax",
    )
    return answer


def _shared() -> Shared:
    site: Site = current_app.extensions[EXTENSION]
    return site.hub.members.shared
