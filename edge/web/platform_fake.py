"""The shipped takeaway platform over HTTP, on this machine only: the store's side as a platform's API has it, the guest's side for trials."""

from urllib.parse import urlsplit

import msgspec
from flask import Flask, Response, request

from edge.domain.intake import AWAY, Answer, Outcome, Tell
from edge.services.intake.platform_fake import FakePlatform, Faults, Wish
from edge.services.intake.platform_http import DishState, NewsAnswer, Reason, Said
from edge.settings import is_loopback
from edge.web import problems
from edge.web.access import command, whole_number
from edge.web.problems import Problem

BODY_BYTES_MAX = 65_536


class PlacedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The number of an order that a guest placed."""

    platform_no: str


def create_fake_platform(fake: FakePlatform) -> Flask:
    """Give the WSGI app of a fake platform."""
    app = Flask("edge.web.platform_fake", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = BODY_BYTES_MAX
    problems.register(app)

    @app.before_request
    def _this_machine() -> None:
        if not is_loopback(urlsplit(f"//{request.host}").hostname or ""):
            raise Problem("forbidden_host")

    @app.get("/news")
    def news() -> Response:
        found = fake.news(whole_number("after", 0, (0, 2**53)))
        return _away() if found is None else _json(NewsAnswer(news=tuple(found)))

    @app.post("/orders/<platform_no>/<what>")
    def tell(platform_no: str, what: str) -> Response:
        if what not in set(Tell):
            raise Problem("not_found")
        return _said(fake.tell(Tell(what), platform_no, command(Reason).reason))

    @app.post("/dishes/<dish_id>")
    def sold_out(dish_id: str) -> Response:
        return _said(fake.sold_out(dish_id, sold_out=command(DishState).sold_out))

    @app.post("/guest/orders")
    def place() -> Response:
        number = fake.place(command(Wish))
        if not number:
            raise Problem("sold_out")
        return _json(PlacedAnswer(platform_no=number), 201)

    @app.post("/guest/orders/<platform_no>/cancel")
    def guest_cancels(platform_no: str) -> Response:
        if not fake.guest_cancels(platform_no, command(Reason).reason):
            raise Problem("not_found")
        return Response(status=204)

    @app.get("/state")
    def state() -> Response:
        return _json(fake.seen())

    @app.put("/faults")
    def put_faults() -> Response:
        fake.put_faults(command(Faults))
        return Response(status=204)

    return app


def _said(answer: Answer) -> Response:
    return _away() if answer == AWAY else _json(Said(outcome=Outcome(answer.outcome), reason=answer.reason))


def _away() -> Response:
    """Answer as somebody in between does while the platform is not there."""
    return Response(status=503)


def _json(body: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(body), status=status, mimetype="application/json")
