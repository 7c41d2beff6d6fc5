"""Builds the Flask app of a node from things that are built already; it reads no settings and starts nothing."""

from flask import Flask

from edge.services.status import Desk
from edge.web import access, problems
from edge.web.api import api
from edge.web.live import StreamSeats, live
from edge.web.openapi import openapi
from edge.web.pages import pages


def create_app(desk: Desk, seats: StreamSeats) -> Flask:
    """Give the WSGI app of a node."""
    app = Flask("edge.web", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = access.BODY_BYTES_MAX
    app.extensions["desk"] = desk
    app.extensions["stream_seats"] = seats
    access.guard(app)
    problems.register(app)
    for blueprint in (api, live, openapi, pages):
        app.register_blueprint(blueprint)
    return app
