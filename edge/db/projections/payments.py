"""Money taken before its sale, and deposits."""

from typing import Any

from edge.db.projections.handling import Handler

TABLES: dict[str, str] = {}
HANDLERS: dict[type[Any], Handler] = {}
