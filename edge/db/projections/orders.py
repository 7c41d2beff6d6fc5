"""Open orders as documents, the stock of dishes, prices of the day, the plan of the tables, what the kitchen has done."""

from typing import Any

from edge.db.projections.handling import Handler

TABLES: dict[str, str] = {}
HANDLERS: dict[type[Any], Handler] = {}
