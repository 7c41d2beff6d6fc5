"""Shifts of tills: floats, cash in and out, closes."""

from typing import Any

from edge.db.projections.handling import Handler

TABLES: dict[str, str] = {}
HANDLERS: dict[type[Any], Handler] = {}
