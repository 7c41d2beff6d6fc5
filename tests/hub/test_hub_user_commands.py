"""`zhanggui-hub user …`: the way back in for whoever owns the machine, on the files of a hub that does not run."""

import json

import pytest
from click.testing import CliRunner

from cloud import wiring
from cloud.cli import main
from sync.node.ports import SystemChance, SystemClock
from tests.kit.hub_people import HERE
from tests.kit.hub_stores import CHEAP, hub_settings


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "hub.toml"
    path.write_text(
        f'data_dir = "{tmp_path / "data"}"\npublic_url = "https://example.com"\n'
        "[web]\nport = 0\n[guest]\nport = 0\n[broker]\nport = 1\n",
        encoding="utf-8",
    )
    opened(tmp_path).database.close()
    return path


def opened(tmp_path):
    return wiring.open_core(hub_settings(tmp_path / "data"), clock=SystemClock(), chance=SystemChance(), cost=CHEAP)


def say(config, *arguments, status=0):
    done = CliRunner().invoke(main, ["user", *arguments, "--config", str(config), "--json"])
    assert done.exit_code == status, done.output
    return json.loads(done.stdout)


def test_users_are_added_listed_disabled_and_reset(config, tmp_path):
    made = say(config, "add", "mei", "--name", "Chen Mei", "--role", "operations")
    assert len(made["password"].replace("-", "")) == 20
    users = {one["account"]: one for one in say(config, "list")["users"]}
    assert (users["mei"]["role"], users["mei"]["disabled"], users["admin"]["role"]) == ("operations", False, "admin")
    assert say(config, "disable", "mei")["ok"]
    assert say(config, "list")["users"][1]["disabled"]
    assert say(config, "enable", "mei")["ok"]
    assert say(config, "reset-totp", "mei")["ok"]
    again = say(config, "reset-password", "mei")["password"]
    assert again != made["password"]
    core = opened(tmp_path)
    try:
        assert core.hub.console.sign_in.sign_in("mei", again, HERE).stage == "password"
        log = core.hub.console.audit_log
        assert {"cli", "system"} <= set(log.names()[0])
        assert log.verify().whole
    finally:
        core.database.close()


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("disable", "nobody"), "user list"),
        (("disable", "admin"), "last admin"),
        (("add", "Bad Name", "--name", "x", "--role", "viewer"), "lower-case"),
        (("add", "admin", "--name", "x", "--role", "viewer"), "already"),
        (("add", "mei", "--name", "x" * 41, "--role", "viewer"), "1 to 40"),
    ],
)
def test_what_cannot_be_done_is_said(config, arguments, part):
    answer = say(config, *arguments, status=1)
    assert part in answer["error"]


def test_the_list_is_readable(config):
    done = CliRunner().invoke(main, ["user", "list", "--config", str(config)])
    assert done.exit_code == 0
    assert "admin" in done.output
    assert "password only" in done.output
