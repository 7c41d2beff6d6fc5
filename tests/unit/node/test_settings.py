"""Settings: every mistake in one message, each with its place."""

import pytest

from edge.settings import EdgeSettings, is_loopback
from sync.node.settings import SettingsError, convert


def mistakes(tree: dict[str, object]) -> str:
    with pytest.raises(SettingsError) as caught:
        convert(tree, EdgeSettings, "edge.toml")
    return str(caught.value)


def test_what_is_left_out_has_its_default():
    settings = convert({"data_dir": "data"}, EdgeSettings, "edge.toml")
    assert (settings.web.host, settings.web.port, settings.devices) == ("127.0.0.1", 8600, ())
    assert settings.store.tills == ("1", "2")


def test_all_mistakes_are_in_one_message_each_with_its_place():
    said = mistakes(
        {
            "date_dir": "data",
            "web": {"port": 70_000, "streams_max": 0, "hosts": "x"},
            "store": {"tills": "1", "cutoff_minutes": 5.5, "invite_days": 401},
            "twins_dir": 5,
            "link": 5,
            "log_level": 3,
        }
    )
    for place in ("$.web.port", "$.web.streams_max", "$.store.tills", "$.store.cutoff_minutes", "$.store.invite_days",
                  "$.twins_dir", "$.link", "$.log_level", "`date_dir`", "`data_dir`", "`hosts`"):  # fmt: skip
        assert place in said, place
    assert said.startswith("edge.toml: ")


def test_a_mistake_within_a_list_names_the_place_in_it():
    assert "$.store.quick_cash_fen[1]" in mistakes({"data_dir": "d", "store": {"quick_cash_fen": [1, "2"]}})


@pytest.mark.parametrize("value", ["true", 1.0, "8600", None])
def test_nothing_is_guessed_from_another_type(value):
    assert "$.web.port" in mistakes({"data_dir": "d", "web": {"port": value}})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_addresses_of_this_machine(host):
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "192.168.1.2", "", "till.local", "127.0.0.1.example", "localhost.example"]
)
def test_addresses_that_others_can_reach(host):
    assert not is_loopback(host)
