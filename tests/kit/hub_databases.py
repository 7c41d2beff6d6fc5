"""The hub's database on both engines: every test that asks for `hub_url` or `hub_database` runs on each."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud.db import migrate
from cloud.db.engine import HubDatabase, open_engine
from scripts.postgres import Cluster

TEMPLATE = "hub_template"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """One server for the whole run, with a database that went through the released steps once."""
    with Cluster() as cluster:
        cluster.make_database(TEMPLATE)
        database = open_engine(cluster.url(TEMPLATE))
        migrate.migrate(database)
        database.close()
        yield cluster


@pytest.fixture
def postgres_url(postgres: Cluster) -> Iterator[str]:
    """A database of the test's own on PostgreSQL, at the schema of this code."""
    name = postgres.make_database(template=TEMPLATE)
    yield postgres.url(name)
    postgres.drop_database(name)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that went through the released steps once: to copy it costs a tenth of the steps."""
    path = tmp_path_factory.mktemp("hub") / "template.db"
    database = open_engine(f"sqlite:///{path}")
    migrate.migrate(database)
    database.close()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def hub_url(request: pytest.FixtureRequest, tmp_path: Path, sqlite_template: Path) -> str:
    """The URL of a database of the test's own, at the schema of this code."""
    if request.param == "sqlite":
        shutil.copyfile(sqlite_template, tmp_path / "hub.db")
        return f"sqlite:///{tmp_path / 'hub.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def hub_database(hub_url: str) -> Iterator[HubDatabase]:
    """A hub's database at the schema of this code."""
    database = open_engine(hub_url)
    migrate.migrate(database)
    yield database
    database.close()


@pytest.fixture
def sqlite_hub(tmp_path: Path, sqlite_template: Path) -> Iterator[HubDatabase]:
    """A hub's database on SQLite alone, for what another test shows on both."""
    shutil.copyfile(sqlite_template, tmp_path / "hub.db")
    database = open_engine(f"sqlite:///{tmp_path / 'hub.db'}")
    yield database
    database.close()
