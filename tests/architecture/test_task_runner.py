"""The task runner: what it refuses, what it leaves alone, and that its count cannot call a failure green."""

import hashlib
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from scripts import run_tests
from scripts.assets import Asset, AssetError, copy_from_wheels, in_place
from scripts.dev import COMMANDS
from tests.architecture.checkout import ROOT, repository_files

DEV = str(ROOT / "scripts" / "dev.py")


def dev(*arguments, **variables):
    environment = {**os.environ, **variables}
    return subprocess.run(
        [sys.executable, DEV, *arguments], env=environment, capture_output=True, text=True, check=False
    )


def test_an_unknown_command_names_those_that_exist_and_sets_nothing_up(tmp_path):
    venv = tmp_path / "venv"
    done = dev("voyage", ZHANGGUI_VENV=str(venv))
    assert done.returncode == 2
    assert all(name in done.stderr for name in ("demo", "test", "sim", "bench", "assets", "lock", "golden"))
    assert not venv.exists()


def test_every_command_of_the_runner_has_its_module():
    modules = [command.module.format(name=name) for command in COMMANDS.values() for name in command.names or ("",)]
    assert [module for module in modules if not (ROOT / f"{module.replace('.', '/')}.py").is_file()] == []


def test_an_environment_that_somebody_else_made_is_left_alone(tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "mine").write_text("precious")
    done = dev("assets", ZHANGGUI_VENV=str(tmp_path))
    assert done.returncode == 1
    assert "left alone" in done.stderr
    assert [path.name for path in tmp_path.rglob("*")] == ["bin", "mine"]


def test_ci_runs_exactly_the_command_that_people_run():
    script = ROOT / ".ci" / "run"
    lines = [line for line in script.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    assert lines[-1] == "exec python3 scripts/dev.py test --ci"
    assert os.access(script, os.X_OK)


def lost_tests(files: list[Path]) -> list[str]:
    """Test files that no ring runs."""
    tests = [
        path for path in files if path.parts[0] == "tests" and path.name.startswith("test_") and path.suffix == ".py"
    ]
    return [str(path) for path in tests if path.parts[1] not in run_tests.RINGS]


def test_every_test_file_lies_in_a_ring():
    assert lost_tests(repository_files()) == []


def test_a_test_file_outside_the_rings_would_be_seen():
    assert lost_tests([Path("tests/test_x.py"), Path("tests/db/test_y.py"), Path("tests/e2e/test_z.py")]) == [
        "tests/test_x.py",
        "tests/e2e/test_z.py",
    ]


REPORT = """<testsuites><testsuite>
<testcase classname="a" name="one"/>
<testcase classname="a" name="two"><failure/></testcase>
<testcase classname="a" name="two"><error/></testcase>
<testcase classname="a" name="three"><skipped/></testcase>
<testcase classname="a" name="four"/>
<testcase classname="a" name="four"><error/></testcase>
</testsuite></testsuites>"""


def test_a_report_is_counted_by_test(tmp_path):
    (tmp_path / "r.xml").write_text(REPORT)
    assert run_tests.count(tmp_path / "r.xml") == (1, 2, 1)
    assert run_tests.count(tmp_path / "none.xml") == (0, 0, 0)


@pytest.mark.parametrize(
    ("counts", "skips_fail", "green", "closing"),
    [
        ((3, 0, 0), True, True, "3 passed, 0 failed"),
        ((3, 1, 0), False, False, "3 passed, 1 failed"),
        ((3, 0, 2), False, True, "3 passed, 0 failed"),
        ((3, 0, 2), True, False, "3 passed, 2 failed"),
        ((0, 0, 0), True, False, "0 passed, 0 failed"),
    ],
)
def test_the_closing_line_and_the_verdict_agree(capsys, counts, skips_fail, green, closing):
    passed, failed, skipped = counts
    result = run_tests.Result("unit", passed, failed, skipped, seconds=1.0, log=ROOT / "CHANGELOG.md")
    assert run_tests.summarise([result], skips_fail=skips_fail) is green
    assert capsys.readouterr().out.splitlines()[-1] == closing


def test_a_step_past_its_limit_is_ended_with_all_it_started(tmp_path):
    script = "import subprocess, sys; print(subprocess.Popen(['sleep', '60']).pid, flush=True)\n"
    script += "import threading; threading.Event().wait()"
    code, _ = run_tests.run_logged([sys.executable, "-c", script], tmp_path / "log", 1.0)
    assert code == -1
    child = int((tmp_path / "log").read_text().split()[0])
    until = time.monotonic() + 60
    while alive(child):
        assert time.monotonic() < until, "the grandchild still runs"


def alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.fixture
def wheel(tmp_path):
    with zipfile.ZipFile(tmp_path / "some_scripts-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("some/x.js", "let x")
    return tmp_path


def asset(data: bytes, path: str = "some/x.js") -> Asset:
    digest = hashlib.sha256(data).hexdigest()
    return Asset("some-scripts", "1.0", path, digest, Path("cloud/web/static/vendor/x.js"))


def test_a_browser_script_is_copied_when_it_is_the_pinned_one(wheel):
    wanted = asset(b"let x")
    assert not in_place(wheel, wanted)
    copy_from_wheels(wheel, [wanted], wheel)
    assert in_place(wheel, wanted)
    assert (wheel / wanted.target).read_bytes() == b"let x"


@pytest.mark.parametrize("wanted", [asset(b"let y"), asset(b"let x", "some/y.js")])
def test_a_browser_script_that_differs_or_is_missing_is_not_written(wheel, wanted):
    with pytest.raises(AssetError):
        copy_from_wheels(wheel, [wanted], wheel)
    assert not (wheel / wanted.target).exists()


def test_a_changed_browser_script_is_noticed(wheel):
    wanted = asset(b"let x")
    copy_from_wheels(wheel, [wanted], wheel)
    (wheel / wanted.target).write_bytes(b"let z")
    assert not in_place(wheel, wanted)
