"""Blueprints of the console's pages. Who may pass to each page stands beside it (`cloud.web.access`)."""

from flask import Blueprint


def closed_blueprint(name: str, import_name: str) -> Blueprint:
    """Make a blueprint whose pages are for signed-in people; each names its rule, or nobody sees it."""
    return Blueprint(name, import_name)
