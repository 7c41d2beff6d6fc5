"""The door through which a store's new node fetches the store's facts: signed requests in, sealed answers out."""

import re

from flask import Blueprint, Response, make_response, request

from cloud.services.handover import Asked, Heir
from cloud.services.refusals import Refused
from cloud.web import access, api, asked, frame
from cloud.web.problems import Problem
from sync.contract import facts
from sync.contract.handover import PageOfFacts

interface = Blueprint("handover", __name__, url_prefix="/api/v1/handover")

SEALED = "application/octet-stream"
EPOCH_MAX = 2**31 - 1
_EPOCH = re.compile(r"[1-9][0-9]{0,9}")


@interface.get("/<store>/<epoch>/lanes")
@access.open_to_all
def lanes(store: str, epoch: str) -> Response:
    """Tell the store's newest node what there is of earlier epochs."""
    asked.only()
    heir = _heir(store, epoch)
    return _sealed(frame.site().hub.handover.lanes(heir))


@interface.get("/<store>/<epoch>/facts")
@access.open_to_all
def page(store: str, epoch: str) -> Response:
    """Give facts of an earlier epoch behind a seq."""
    wanted = _wanted()
    heir = _heir(store, epoch)
    answered = frame.site().hub.handover.facts(heir, wanted)
    if isinstance(answered, Refused):
        raise api.refusal(answered)
    return _sealed(answered)


@interface.post("/<store>/<epoch>/late")
@access.open_to_all
def late(store: str, epoch: str) -> Response:
    """Take facts of an earlier epoch that lie only in the file that the new node was restored from."""
    wanted = _wanted()
    heir = _heir(store, epoch)
    hub = frame.site().hub
    taken = hub.handover.take_late(heir, wanted, request.get_data())
    if isinstance(taken, Refused):
        raise api.refusal(taken)
    hub.projector.catch_up()
    return api.answer({"taken": taken})


def _wanted() -> PageOfFacts:
    asked.only("of", "lane", "after")
    return PageOfFacts(
        epoch=_number("of", EPOCH_MAX), lane=_number("lane", max(facts.Lane)), after=_number("after", asked.NUMBER_MAX)
    )


def _number(name: str, most: int) -> int:
    held = asked.number(name, most=most)
    if held is None:
        raise Problem(400, "bad_parameter", name=name)
    return held


def _heir(store: str, epoch: str) -> Heir:
    if _EPOCH.fullmatch(epoch) is None or int(epoch) > EPOCH_MAX:
        raise Problem(403, "handover_refused")
    path = request.full_path.rstrip("?")
    wish = Asked(store, int(epoch), request.method, path, request.headers.get("Authorization", ""))
    heir = frame.site().hub.handover.admit(wish)
    if isinstance(heir, Refused):
        raise api.refusal(heir)
    return heir


def _sealed(body: bytes) -> Response:
    response = make_response(body)
    response.mimetype = SEALED
    return response
