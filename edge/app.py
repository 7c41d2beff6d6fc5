"""Builds the Flask app of a node from things that are built already; it reads no settings and starts nothing."""

from collections.abc import Callable

from flask import Flask

from edge.devices.practice_paper import Roll
from edge.services.care.status import Desk
from edge.services.devices import till_devices as till_side
from edge.services.devices.device_care import DeviceCare
from edge.services.devices.till_devices import TillDevices
from edge.services.guests import guest_orders
from edge.services.guests.guest_limits import GuestLimits
from edge.services.guests.live_codes import ScanCounter
from edge.services.house.lan import Lan
from edge.services.practice.hall import Hall
from edge.web import access, guest, guest_join, guest_live, problems
from edge.web.access import Door
from edge.web.api import api
from edge.web.devices import devices as device_pages
from edge.web.elsewhere import elsewhere
from edge.web.first_start import pages_of_people
from edge.web.floor import floor
from edge.web.health import health
from edge.web.house import house
from edge.web.intake import intake
from edge.web.kitchen import kitchen
from edge.web.live import StreamSeats, live
from edge.web.live_codes import live_codes
from edge.web.members import members
from edge.web.openapi import openapi
from edge.web.orders import orders
from edge.web.pages import pages
from edge.web.paying import paying
from edge.web.payments import money
from edge.web.people import people
from edge.web.practice import practice, practice_room, within
from edge.web.refunds import refunds
from edge.web.shifts import shifts
from edge.web.sync import sync
from edge.web.table_codes import table_codes
from edge.web.terminals import terminals
from edge.web.till_devices import till_devices
from edge.web.works import works


def create_app(
    desk: Desk,
    seats: StreamSeats,
    devices: TillDevices | None = None,
    care: DeviceCare | None = None,
    lan: Lan | None = None,
    door: Door | None = None,
    hall: Hall | None = None,
) -> Flask:
    """Give the WSGI app of a node.

    Args:
        desk: the node with what runs beside it.
        seats: how many may follow live events.
        devices: what stands between devices and tills; None = nothing is plugged in.
        care: the devices as people look after them; None = nothing runs.
        lan: what is known of the other listeners; None = there are none.
        door: the listener that this app is for; None = the node's own.
        hall: the way into practice; None = there is none.
    """
    app = Flask("edge.web", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = access.BODY_BYTES_MAX
    app.extensions["desk"] = desk
    app.extensions["stream_seats"] = seats
    app.extensions["till_devices"] = devices or till_side.build(desk.node)
    app.extensions["device_care"] = care or DeviceCare(desk.node)
    app.extensions["lan"] = lan or Lan()
    app.extensions["door"] = door or Door()
    app.extensions["practice_hall"] = hall
    access.guard(app)
    problems.register(app)
    for blueprint in (api, health, live, openapi, pages, sync, till_devices, device_pages, people, pages_of_people, money, paying, orders, floor,
                      refunds, elsewhere, shifts, kitchen, terminals, table_codes, practice, intake, house, works, members, live_codes):  # fmt: skip
        app.register_blueprint(blueprint)
    return app


def create_practice_app(
    desk: Desk,
    seats: StreamSeats,
    devices: TillDevices,
    care: DeviceCare,
    door: Door,
    roll: Roll,
    leave: Callable[[str], None],
) -> Flask:
    """Give the WSGI app of the practice world: all pages of a node, marked, with its roll of paper and the way out.

    Args:
        roll: what its printer printed.
        leave: leads the terminal that shows a token back to the store.
    """
    app = create_app(desk, seats, devices, care, door=door)
    app.extensions["practice_roll"] = roll
    app.extensions["practice_leave"] = leave
    app.register_blueprint(practice_room)
    within(app)
    return app


def create_guest_app(desk: Desk, lan: Lan, admits: Callable[[str], bool]) -> Flask:
    """Give the WSGI app of guests' phones: a page, its menu and its basket, and nothing else of the node.

    Args:
        desk: the node.
        lan: what is known of the listeners.
        admits: the names that it answers to.
    """
    app = Flask("edge.web", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = guest_orders.BODY_BYTES_MAX
    app.extensions["desk"] = desk
    app.extensions["lan"] = lan
    app.extensions["door"] = Door(admits)
    app.extensions["guest_limits"] = GuestLimits()
    app.extensions["guest_menu"] = guest_orders.MenuCounter(desk.node)
    guest.guard(app)
    problems.register(app)
    app.register_blueprint(guest.guest)
    app.register_blueprint(guest_join.join_page)
    app.extensions["live_scans"] = ScanCounter(desk.node)
    app.register_blueprint(guest_live.live_page)
    return app
