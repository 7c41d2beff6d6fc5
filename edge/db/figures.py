"""Figures about the file itself, for people who look after it: rows a table, the newest fact, whether the pages hold."""

from sync.node.database import Reader


def rows_a_table(reader: Reader) -> dict[str, int]:
    """Count the rows of every table of ours."""
    names = [
        str(row[0])
        for row in reader.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY 1"
        )
    ]
    return {name: int(reader.execute(f'SELECT count(*) FROM "{name}"')[0][0]) for name in names}  # noqa: S608 - our own names


def newest_fact_ms(reader: Reader) -> int:
    """Give the wall time of the newest fact in ms; 0 before the first."""
    if not reader.execute("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'facts'"):
        return 0
    rows = reader.execute("SELECT at_ms FROM facts ORDER BY n DESC LIMIT 1")
    return int(rows[0][0]) if rows else 0


def pages_hold(reader: Reader) -> str:
    """Let SQLite look through the pages of the file; gives `ok`, or what it found first."""
    return str(reader.execute("PRAGMA quick_check(1)")[0][0])
