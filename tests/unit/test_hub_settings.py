"""The hub's settings: what is refused, and in which words."""

import msgspec
import pytest

from cloud.settings import BrokerSettings, HubSettings, ListenSettings, checked
from sync.node.settings import SettingsError

GOOD = HubSettings(
    data_dir="x",
    web=ListenSettings(port=8700),
    guest=ListenSettings(port=8701),
    broker=BrokerSettings(port=1883),
    public_url="https://example.com",
)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"web": ListenSettings(port=8700, host="0.0.0.0")}, "loopback"),
        ({"guest": ListenSettings(port=8701, host="192.168.1.5")}, "loopback"),
        ({"guest": ListenSettings(port=8701, host="hub.example.com")}, "loopback"),
        ({"guest": ListenSettings(port=8700)}, "ports of their own"),
        ({"timezone": "Mars/Olympus"}, "time zone"),
        ({"timezone": "../etc"}, "time zone"),
        ({"public_url": "example.com"}, "http"),
        ({"database": "postgres"}, "database"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(changes, word):
    with pytest.raises(SettingsError, match=word):
        checked(msgspec.structs.replace(GOOD, **changes), "hub.toml")


def test_every_mistake_is_told_at_once():
    bad = msgspec.structs.replace(GOOD, timezone="Mars", public_url="x")
    with pytest.raises(SettingsError, match=r"time zone.*public_url"):
        checked(bad, "hub.toml")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_loopback_is_accepted(host):
    checked(msgspec.structs.replace(GOOD, web=ListenSettings(port=8700, host=host)), "hub.toml")
