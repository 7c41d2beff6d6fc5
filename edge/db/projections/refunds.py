"""Refunds, and how much of each sale and of each line went back."""

from typing import Any

from edge.db.projections.handling import Handler

TABLES: dict[str, str] = {}
HANDLERS: dict[type[Any], Handler] = {}
