"""Builds the Flask app of a node from things that are built already; it reads no settings and starts nothing."""

from flask import Flask

from edge.services import till_devices as till_side
from edge.services.device_care import DeviceCare
from edge.services.status import Desk
from edge.services.till_devices import TillDevices
from edge.web import access, problems
from edge.web.api import api
from edge.web.devices import devices as device_pages
from edge.web.first_start import pages_of_people
from edge.web.floor import floor
from edge.web.health import health
from edge.web.kitchen import kitchen
from edge.web.live import StreamSeats, live
from edge.web.openapi import openapi
from edge.web.orders import orders
from edge.web.pages import pages
from edge.web.paying import paying
from edge.web.payments import money
from edge.web.people import people
from edge.web.refunds import refunds
from edge.web.shifts import shifts
from edge.web.sync import sync
from edge.web.till_devices import till_devices


def create_app(
    desk: Desk, seats: StreamSeats, devices: TillDevices | None = None, care: DeviceCare | None = None
) -> Flask:
    """Give the WSGI app of a node.

    Args:
        desk: the node with what runs beside it.
        seats: how many may follow live events.
        devices: what stands between devices and tills; None = nothing is plugged in.
        care: the devices as people look after them; None = nothing runs.
    """
    app = Flask("edge.web", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = access.BODY_BYTES_MAX
    app.extensions["desk"] = desk
    app.extensions["stream_seats"] = seats
    app.extensions["till_devices"] = devices or till_side.build(desk.node)
    app.extensions["device_care"] = care or DeviceCare(desk.node)
    access.guard(app)
    problems.register(app)
    for blueprint in (api, health, live, openapi, pages, sync, till_devices, device_pages, people, pages_of_people, money, paying, orders, floor,
                      refunds, shifts, kitchen):  # fmt: skip
        app.register_blueprint(blueprint)
    return app
