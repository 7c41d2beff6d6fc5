"""The released steps build the schema of the code, and a database newer than the code is refused."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from cloud.db import migrate, schema
from cloud.db.engine import open_engine
from cloud.db.migrate import NewerDatabaseError
from tests.kit.hub_store import open_file

DEFINITIONS = "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'alembic%' AND name NOT LIKE 'sqlite_%'"


def definitions(database) -> set[tuple[str, str, str]]:
    with database.read() as reader:
        rows = reader.connection.exec_driver_sql(DEFINITIONS).all()
    return {(row[0], row[1], " ".join(row[2].split())) for row in rows}


def test_the_steps_build_exactly_the_tables_of_the_code(tmp_path):
    stepped, made = open_file(tmp_path / "hub.db"), open_engine("sqlite://")
    with made.write() as tx:
        migrate.create_all(tx)
    assert definitions(stepped) == definitions(made)
    with stepped.read() as reader:
        assert compare_metadata(MigrationContext.configure(reader.connection), schema.metadata) == []
    stepped.close()
    made.close()


def test_the_steps_build_the_tables_of_the_code_on_postgresql_too(postgres_url):
    stepped = open_engine(postgres_url)
    with stepped.read() as reader:
        assert compare_metadata(MigrationContext.configure(reader.connection), schema.metadata) == []
        triggers = {row[0] for row in reader.connection.exec_driver_sql("SELECT tgname FROM pg_trigger").all()}
    assert {"facts_no_update", "facts_no_delete", "facts_no_truncate", "audit_no_update", "audit_no_delete"} <= triggers
    stepped.close()


def test_a_second_start_changes_nothing(tmp_path):
    database = open_file(tmp_path / "hub.db")
    before = definitions(database)
    assert migrate.migrate(database) == migrate.migrate(database)
    assert definitions(database) == before
    database.close()


def test_a_database_newer_than_the_code_is_refused(hub_database):
    database = hub_database
    with database.write() as tx:
        tx.connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0099_future'")
    with pytest.raises(
        NewerDatabaseError, match=r"0099_future.*install the newer version.*zhanggui-hub restore --from"
    ):
        migrate.migrate(database)


def test_every_table_is_strict_and_sqlite_is_opened_right(tmp_path):
    database = open_file(tmp_path / "hub.db")
    with database.read() as reader:
        run = reader.connection.exec_driver_sql
        tables = {row.name: row.strict for row in run("PRAGMA table_list").all() if row.name in schema.metadata.tables}
        assert set(tables) == set(schema.metadata.tables)
        assert all(tables.values())
        assert run("PRAGMA journal_mode").scalar_one() == "wal"
        assert run("PRAGMA synchronous").scalar_one() == 2
        assert run("PRAGMA foreign_keys").scalar_one() == 1
    database.close()
