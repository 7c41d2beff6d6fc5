"""The example settings are decoded, and name every field with its default."""

import tomllib
from pathlib import Path

import msgspec
import pytest

from cloud import settings
from sync.node.settings import SettingsError

EXAMPLE = Path(__file__).resolve().parents[2] / "config" / "hub.example.toml"


def fields_of(kind) -> dict[str, msgspec.structs.FieldInfo]:
    return {field.name: field for field in msgspec.structs.fields(kind)}


def test_the_example_names_every_field_with_its_default():
    tree = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))
    tables = {"": (settings.HubSettings, tree), "broker": (settings.BrokerSettings, tree["broker"])}
    tables |= {name: (settings.ListenSettings, tree[name]) for name in ("web", "guest")}
    tables["console"] = (settings.ConsoleSettings, tree["console"])
    tables["enrolment"] = (settings.EnrolmentSettings, tree["enrolment"])
    tables["backup"] = (settings.BackupSettings, tree["backup"])
    tables["members"] = (settings.MemberSettings, tree["members"])
    assert set(tables) - {""} == {name for name, value in tree.items() if isinstance(value, dict)}
    for name, (kind, table) in tables.items():
        # The guest's listener never has a certificate of its own; the proxies before the console are told in its own table.
        left_out = {"guest": {"tls", "names"}, "web": {"proxy_hops"}}.get(name, set())
        assert set(table) == set(fields_of(kind)) - left_out, name
        for field in fields_of(kind).values():
            if isinstance(field.default, msgspec.Struct) or field.name in left_out:
                continue
            if field.default is not msgspec.NODEFAULT and (name, field.name) != ("guest", "threads"):
                assert msgspec.convert(table[field.name], field.type) == field.default, f"{name}.{field.name}"


def test_the_example_can_be_used():
    held = settings.load(EXAMPLE)
    assert held.web.port != held.guest.port
    assert held.folder == EXAMPLE.resolve().parent / "../data/hub"
    assert held.database_url == f"sqlite:///{held.folder / 'hub.db'}"


def test_a_field_that_nobody_knows_is_refused(tmp_path):
    path = tmp_path / "hub.toml"
    path.write_text(EXAMPLE.read_text(encoding="utf-8") + "\nspeed = 11\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="speed"):
        settings.load(path)
