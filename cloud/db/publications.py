"""Queries on what was published: every document that ever was, so that any can be published again."""

import msgspec
from sqlalchemy import func, insert, select

from cloud.db.engine import Reader, Tx
from cloud.db.schema import publications


class PublicationRow(msgspec.Struct, frozen=True):
    """A publication: its place in its stream, from when it holds, the document, and who published it when."""

    stream: str
    number: int
    effective_from: str
    at_once: int
    sha256: str
    document: bytes
    published_ms: int
    published_by: str
    again: int | None = None


def insert_publication(tx: Tx, row: PublicationRow) -> None:
    """Keep a publication."""
    tx.run(insert(publications), msgspec.structs.asdict(row))


def publication(reader: Reader, stream: str, number: int) -> PublicationRow | None:
    """Find a publication."""
    query = select(publications).where(publications.c.stream == stream, publications.c.number == number)
    row = reader.row(query)
    return None if row is None else PublicationRow(*row)


def publications_of(reader: Reader, stream: str) -> list[PublicationRow]:
    """List the publications of a stream, the first first."""
    query = select(publications).where(publications.c.stream == stream).order_by(publications.c.number)
    return [PublicationRow(*row) for row in reader.rows(query)]


def newest(reader: Reader, limit: int) -> list[PublicationRow]:
    """List the newest publications of all streams."""
    query = select(publications).order_by(publications.c.published_ms.desc(), publications.c.number.desc())
    return [PublicationRow(*row) for row in reader.rows(query.limit(limit))]


def last_number(reader: Reader, stream: str) -> int:
    """Give the number of a stream's last publication; 0 before the first."""
    row = reader.row(select(func.max(publications.c.number)).where(publications.c.stream == stream))
    return int(row[0] or 0)
