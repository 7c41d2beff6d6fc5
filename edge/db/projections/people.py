"""Who may sign in, and what was allowed to whom."""

from typing import Any

from edge.db.projections.handling import Handler

TABLES: dict[str, str] = {}
HANDLERS: dict[type[Any], Handler] = {}
