"""A node's settings from its file and the environment."""

from pathlib import Path

import pytest

from edge import settings as edge_settings
from edge.domain.device_rows import read_rows
from sync.node import settings as reading
from sync.node.settings import SettingsError


def written(folder: Path, text: str) -> Path:
    path = folder / "edge.toml"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(path: Path) -> str:
    with pytest.raises(SettingsError) as caught:
        edge_settings.load(path)
    return str(caught.value)


def test_relative_paths_count_from_the_file(tmp_path):
    path = written(tmp_path, 'data_dir = "data"\n[store]\nmenu_file = "menu.json"\n')
    settings = edge_settings.load(path)
    assert settings.data_dir == str(tmp_path / "data")
    assert settings.store.menu_file == str(tmp_path / "menu.json")
    assert settings.twins_dir == str(tmp_path / "data" / "twins")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("data_dir = ", "not readable as TOML"),
        ('data_dir = "d"\n[web]\nhost = "0.0.0.0"', "$.web.host"),
        ('data_dir = "d"\n[store]\ntills = []', "$.store.tills"),
        ('data_dir = "d"\n[store]\ntills = ["a b"]', "$.store.tills"),
        ('data_dir = "d"\n[store]\nquick_cash_fen = [0]', "$.store.quick_cash_fen"),
        ('data_dir = "d"\n[store]\ntimezone = "Mars/Olympus"', "$.store.timezone"),
        ('data_dir = "d"\n[store]\ntimezone = ""', "$.store.timezone"),
        ('data_dir = "d"\n[store]\ntimezone = "../../etc/passwd"', "$.store.timezone"),
        ('data_dir = "d"\n[printer]\nport = 9100', 'write it as [[devices]] with kind = "printer"'),
        ('data_dir = "d"\nlog_level = "LOUD"', "$.log_level"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path, text, said):
    assert said in refusal(written(tmp_path, text))


def test_several_mistakes_that_only_meaning_shows_are_in_one_message(tmp_path):
    said = refusal(
        written(tmp_path, 'data_dir="d"\nlog_level="LOUD"\n[web]\nhost="0.0.0.0"\n[store]\ntimezone="Mars/Olympus"')
    )
    assert all(place in said for place in ("$.log_level", "$.web.host", "$.store.timezone"))


def test_a_file_that_is_missing_or_no_text_is_named(tmp_path):
    assert "there is no such file" in refusal(tmp_path / "none.toml")
    (tmp_path / "edge.toml").write_bytes(b"\xff\xfe")
    assert "not readable as TOML" in refusal(tmp_path / "edge.toml")


def from_environment(path: Path, **environment: str) -> edge_settings.EdgeSettings:
    return reading.load(path, edge_settings.EdgeSettings, "EDGE", environment)


def test_the_environment_overrides_the_file(tmp_path):
    path = written(tmp_path, 'data_dir = "d"\n[web]\nport = 1\n')
    settings = from_environment(
        path, EDGE__WEB__PORT="8700", EDGE__STORE__TILLS='["7"]', EDGE__LOG_LEVEL="DEBUG",
        EDGE__DEVICES='[{kind = "printer", id = "wok", address = "tcp://10.0.0.9"}]',
        OTHER__WEB__PORT="9", EDGE_WEB_PORT="9",
    )  # fmt: skip
    assert (settings.web.port, settings.store.tills, settings.log_level) == (8700, ("7",), "DEBUG")
    assert [row.id for row in read_rows(settings.devices, settings.store.tills).rows] == ["wok"]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("EDGE__WEB__PORT", "many", "$.web.port"),
        ("EDGE__WEB__PROT", "1", "`prot`"),
        ("EDGE__DATA_DIR__X", "1", "data_dir is no table"),
        ("EDGE__", "1", "``"),
    ],
)
def test_a_mistake_in_the_environment_is_named_like_one_in_the_file(tmp_path, name, value, said):
    path = written(tmp_path, 'data_dir = "d"\n')
    with pytest.raises(SettingsError) as caught:
        from_environment(path, **{name: value})
    assert said in str(caught.value)


def test_the_example_settings_can_be_used():
    edge_settings.load(Path(__file__).resolve().parents[2] / "config" / "edge.example.toml")
