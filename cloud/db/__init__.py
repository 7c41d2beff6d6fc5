"""The database of the hub: SQLAlchemy Core, no ORM; the only place with SQL."""
