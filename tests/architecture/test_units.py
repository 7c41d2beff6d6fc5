"""The systemd units: as tight as ux-security §10.9 asks, readable to systemd, and about things that exist (test 39)."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from cloud.cli import main as hub
from cloud.services.authority import CRL_FILE
from cloud.standby import Part
from edge.cli import main as edge
from edge.services.care.upgrade import PROGRAM, UNIT
from sync.node.upgrade import CURRENT, PREVIOUS, TRIAL
from tests.architecture.checkout import ROOT

UNITS = ROOT / "config" / "systemd"
SERVICES = sorted(path.name for path in UNITS.glob("*.service"))
LONG_RUNNING = [name for name in SERVICES if name not in {"zhanggui-edge-settle.service", "zhanggui-broker.service"}]
OURS = [name for name in SERVICES if name != "zhanggui-broker.service"]
THRESHOLD = 25
"""Exposure 2.5 of 10; a bare unit has 9.6."""
EVERYWHERE = {
    "NoNewPrivileges": "yes",
    "CapabilityBoundingSet": "",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "MemoryDenyWriteExecute": "yes",
    "RestrictSUIDSGID": "yes",
    "SystemCallArchitectures": "native",
    "IPAddressDeny": "any",
    "StandardOutput": "journal",
    "StandardError": "journal",
    "UMask": "0077",
}
HUB_PORTS = {"web", "guest"}


def analyse(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run systemd-analyze; `scripts/dev.py test` installs it."""
    program = shutil.which("systemd-analyze")
    assert program is not None, (
        "systemd-analyze is missing: run `python3 scripts/dev.py test`, which installs it as root"
    )
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)


def exposure(unit: Path, threshold: int = THRESHOLD) -> tuple[bool, float]:
    """Whether a unit is within the threshold, and its exposure level."""
    done = analyse("security", "--offline=true", f"--threshold={threshold}", "--no-pager", str(unit))
    level = re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout)
    assert level is not None, done.stderr
    return done.returncode == 0, float(level[1])


def settings_of(name: str) -> dict[str, list[str]]:
    """Every key of a unit with its values in order."""
    found: dict[str, list[str]] = {}
    for line in (UNITS / name).read_text(encoding="utf-8").splitlines():
        key, sign, value = line.partition("=")
        if sign and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", SERVICES)
def test_a_unit_is_exposed_no_more_than_the_threshold(name):
    fine, level = exposure(UNITS / name)
    assert fine, f"{name}: {level}"
    assert level <= 2.0


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_without_one_of_its_lines_it_would_be(name, tmp_path):
    """The negative control; how much a line weighs is systemd's own judgement, so the heaviest is taken."""
    text = (UNITS / name).read_text(encoding="utf-8")
    fine, level = exposure(written(tmp_path, name, text.replace("CapabilityBoundingSet=\n", "")))
    assert not fine
    assert level > exposure(UNITS / name)[1]


def test_a_bare_unit_is_unsafe(tmp_path):
    fine, level = exposure(written(tmp_path, "bare.service", "[Service]\nExecStart=/bin/true\n"))
    assert not fine
    assert level > 9


@pytest.mark.parametrize("name", SERVICES)
def test_every_line_that_the_reference_asks_for_is_there(name):
    found = settings_of(name)
    assert {key: found.get(key, ["missing"])[-1] for key in EVERYWHERE} == EVERYWHERE
    assert found["SystemCallFilter"] == ["@system-service", "~@privileged @resources"]
    assert "AF_UNIX" in found["RestrictAddressFamilies"][0]
    if name in LONG_RUNNING:
        assert found["User"][0].startswith("zhanggui")
        assert (found["Type"], found["WatchdogSec"], found["Restart"]) == (["notify"], ["30"], ["always"])
        # systemd gives up on a unit that dies too often in a row, unless it is told not to.
        assert found["StartLimitIntervalSec"] == ["0"]


def test_the_node_reaches_its_devices_and_no_others():
    found = settings_of("zhanggui-edge.service")
    assert found["DevicePolicy"] == ["closed"]
    kinds = {value.split()[0] for value in found["DeviceAllow"]}
    assert kinds == {
        f"char-{one}" for one in ("ttyUSB", "ttyACM", "ttyS", "lp", "usb", "usb_device", "hidraw", "input")
    }


def test_systemd_can_read_every_unit(tmp_path):
    """`verify` looks for the programs too, so they are put where a copy of the units looks for them."""
    for name in ("zhanggui-edge", "zhanggui-hub"):
        written(tmp_path, name, "#!/bin/sh\n").chmod(0o755)
    for unit in UNITS.iterdir():
        text = re.sub(r"/opt/zhanggui/\w+/bin", str(tmp_path), unit.read_text(encoding="utf-8"))
        written(tmp_path, unit.name, text)
    for unit in sorted(UNITS.iterdir()):
        done = analyse("verify", "--man=no", str(tmp_path / unit.name))
        assert (done.returncode, done.stderr) == (0, ""), unit.name
    odd = written(tmp_path, "odd.service", "[Service]\nExecStart=/bin/true\nProtectSystm=strict\n")
    assert "ProtectSystm" in analyse("verify", "--man=no", str(odd)).stderr


@pytest.mark.parametrize("name", OURS)
def test_a_unit_starts_a_command_that_exists_with_options_that_exist(name):
    [line] = settings_of(name)["ExecStart"]
    program, command, *options = line.split()
    assert Path(program).parent.parent in {Path("/opt/zhanggui") / CURRENT, Path("/opt/zhanggui") / PREVIOUS}
    named = [option for option in options if option.startswith("--")]
    told = CliRunner().invoke(edge if Path(program).name == PROGRAM else hub, [command, "--help"])
    assert told.exit_code == 0, told.output
    assert [option for option in named if option not in told.output] == []


def test_the_sockets_are_the_listeners_of_the_example_settings():
    node = tomllib.loads((ROOT / "config" / "edge.example.toml").read_text(encoding="utf-8"))
    assert settings_of("zhanggui-edge.socket")["ListenStream"] == [f"{node['web']['host']}:{node['web']['port']}"]
    held = tomllib.loads((ROOT / "config" / "hub.example.toml").read_text(encoding="utf-8"))
    listeners = {f"{held[name]['host']}:{held[name]['port']}" for name in HUB_PORTS}
    assert set(settings_of("zhanggui-hub.socket")["ListenStream"]) == listeners


def files_that_mosquitto_reads(*configs: str) -> set[str]:
    """The files of config/mosquitto that Mosquitto reads again at SIGHUP; its key and CA change with its certificate only."""
    keys = ("acl_file", "password_file", "crlfile", "certfile")
    lines = [line for config in configs for line in (ROOT / "config" / "mosquitto" / config).read_text().splitlines()]
    return {line.split()[1] for line in lines if line.startswith(tuple(f"{key} " for key in keys))}


def test_every_file_that_mosquitto_reads_again_is_watched_and_it_is_told_so():
    watched = settings_of("zhanggui-broker.path")["PathChanged"]
    assert set(watched) == files_that_mosquitto_reads("mosquitto.conf", "mosquitto-tls.conf")
    assert len(watched) > len(files_that_mosquitto_reads("mosquitto-tls.conf")) > 1
    told = settings_of("zhanggui-broker.service")
    [line] = told["ExecStart"]
    assert re.fullmatch(r"/usr/bin/systemctl kill --kill-who=main --signal=SIGHUP mosquitto\.service", line)
    # A unit without a name of its own is the one of the same name.
    assert "Unit" not in settings_of("zhanggui-broker.path")
    assert told["StartLimitIntervalSec"] == ["0"], "five stores enrolled in ten seconds must not end the watch"
    assert "[Install]" not in (UNITS / "zhanggui-broker.service").read_text()


@pytest.mark.parametrize("name", ["zhanggui-hub.service", "zhanggui-hub@.service"])
def test_the_hub_may_write_where_the_broker_reads_who_was_revoked(name):
    [crl] = [path for path in files_that_mosquitto_reads("mosquitto-tls.conf") if path.endswith(f"/{CRL_FILE}")]
    assert settings_of(name)["ReadWritePaths"] == [f"-{Path(crl).parent}"]
    assert f'"{Path(crl).parent}"' in (ROOT / "config" / "hub.example.toml").read_text()


def test_the_names_that_the_code_and_the_units_share_are_the_same():
    assert UNIT in SERVICES
    assert settings_of("zhanggui-edge-settle.service")["ConditionPathExists"] == [f"/opt/zhanggui/{TRIAL}"]
    assert {part.value for part in Part} - {"all"} == set(
        re.findall(r"zhanggui-hub@(\w+)", (UNITS / "zhanggui-hub@.service").read_text(encoding="utf-8"))
    ) - {"service"}
