"""What every table of the hub is made of; `cloud.db.schema` holds the tables."""

from sqlalchemy import BigInteger, Integer, MetaData

metadata = MetaData()

WHOLE = BigInteger().with_variant(Integer, "sqlite")
"""64 bits everywhere; on SQLite the word must be INTEGER for STRICT tables and for a key that is the row id."""
