"""Walks whole tables, for comparisons."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import select

from cloud.db.engine import Reader
from cloud.db.schema import READ_MODELS

READ_MODEL_NAMES = tuple(table.name for table in READ_MODELS)
_BY_NAME = {table.name: table for table in READ_MODELS}


def every_row(reader: Reader, name: str) -> Iterator[tuple[Any, ...]]:
    """Give every row of a read model, in any order, a slice at a time."""
    result = reader.connection.execution_options(yield_per=1_000).execute(select(_BY_NAME[name]))
    for row in result:
        yield tuple(row)
