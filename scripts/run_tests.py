"""Runs lint, types, import contracts and every ring of tests, two at a time, and prints one table and one closing line.

The reports (junit XML and the whole output of each step) stay in `.reports/`. Exit code 0 only if everything is green;
under `--ci` a skipped test counts as a failure.
"""

import argparse
import concurrent.futures
import os
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REPORTS = ROOT / ".reports"
LINT = {
    "ruff check": ["ruff", "check", "--no-fix", "."],
    "ruff format": ["ruff", "format", "--check", "."],
    "mypy": ["mypy"],
    "import contracts": ["lint-imports", "--no-cache"],
}
RINGS = ("architecture", "unit", "properties", "golden", "db", "hub", "contracts", "sim", "fuzz", "broker", "browser")
LAST = ("broker", "browser")
"""Rings that wait on real programs more than they work: they run beside each other, and beside none that works."""
LIMIT_S = 2_700.0
"""No step of an ordinary run may take longer, also on a machine that has much else to do; alone each needs a fraction."""
DEEP_LIMIT_S = 4 * 3600.0
TAIL_LINES = 120
POSTGRES_FOLDER = Path("/usr/lib/postgresql")
"""Where Debian puts a server's programs: on no path."""
FONT_FOLDERS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"))
CJK_FONTS = ("wqy-*", "NotoSansCJK*", "NotoSerifCJK*", "SourceHanSans*")


@dataclass(frozen=True)
class Result:
    """What one step came to; a lint step counts as one check."""

    name: str
    passed: int
    failed: int
    skipped: int
    seconds: float
    log: Path


def missing_system_packages() -> list[str]:
    """The Debian packages whose program or font this machine lacks."""
    search = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    missing = []
    if shutil.which("mosquitto", path=search) is None:
        missing.append("mosquitto")
    if shutil.which("nats-server", path=search) is None:
        missing.append("nats-server")
    if all(shutil.which(name, path=search) is None for name in ("chromium", "chromium-browser")):
        missing.append("chromium")
    if shutil.which("initdb", path=search) is None and not any(POSTGRES_FOLDER.glob("*/bin/initdb")):
        # The package of no version brings the one of this release; its own cluster is neither used nor needed.
        missing.append("postgresql")
    if shutil.which("systemd-analyze", path=search) is None:
        # Only to judge the units; it need not be the first process.
        missing.append("systemd")
    if not any(any(folder.rglob(pattern)) for folder in FONT_FOLDERS for pattern in CJK_FONTS):
        missing.append("fonts-wqy-microhei")
    return missing


def provide_system_packages() -> bool:
    """Install what is missing as root; otherwise say what is missing. False when the tests cannot run."""
    missing = missing_system_packages()
    if not missing:
        return True
    install = ["apt-get", "install", "--yes", "--no-install-recommends", *missing]
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        print(f"The tests need {', '.join(missing)}. As root: apt-get update && {' '.join(install)}", file=sys.stderr)
        return False
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["apt-get", "update"], install):
        print(f"setup: {' '.join(arguments)} ...", file=sys.stderr, flush=True)
        begun = time.monotonic()
        done = subprocess.run(
            arguments,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if done.returncode != 0:
            print(done.stdout.decode(errors="replace"), file=sys.stderr)
            return False
        print(f"setup: {arguments[1]}: {time.monotonic() - begun:.1f} s", file=sys.stderr, flush=True)
    still = missing_system_packages()
    if still:
        print(f"still missing after apt-get: {', '.join(still)}", file=sys.stderr)
    return not still


def rings_with_tests(tests: Path) -> list[str]:
    """The rings that hold a test file, in the order they run."""
    return [ring for ring in RINGS if any((tests / ring).rglob("test_*.py"))]


def run_logged(arguments: list[str], log: Path, limit_s: float) -> tuple[int, float]:
    """Run a step with its output in a file; past its limit it is ended with everything that it started.

    Returns:
        The exit code (-1 past the limit) and the seconds.
    """
    begun = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            arguments,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = process.wait(limit_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            output.write(f"\nended after {limit_s:.0f} s, the limit of a step\n".encode())
            code = -1
    return code, time.monotonic() - begun


def run_lint(name: str, limit_s: float) -> Result:
    """One lint step: a check that passes or fails."""
    log = REPORTS / f"{name.replace(' ', '-')}.log"
    program, *rest = LINT[name]
    code, seconds = run_logged([str(Path(sys.executable).with_name(program)), *rest], log, limit_s)
    return Result(name, int(code == 0), int(code != 0), 0, seconds, log)


def run_ring(ring: str, limit_s: float) -> Result:
    """One ring of tests, counted from pytest's own report."""
    log = REPORTS / f"{ring}.log"
    report = REPORTS / f"{ring}.xml"
    report.unlink(missing_ok=True)
    arguments = [sys.executable, "-m", "pytest", f"tests/{ring}", f"--junitxml={report}", "-q", "--durations=5"]
    code, seconds = run_logged(arguments, log, limit_s)
    passed, failed, skipped = count(report)
    if code != 0 and failed == 0:
        failed = 1
    return Result(ring, passed, failed, skipped, seconds, log)


def count(report: Path) -> tuple[int, int, int]:
    """Passed, failed and skipped tests of a junit report; nothing at all when there is none.

    A test with an error in its tear-down beside a failure counts once.
    """
    if not report.is_file():
        return 0, 0, 0
    outcomes: dict[tuple[str, str], str] = {}
    for case in ET.parse(report).getroot().iter("testcase"):  # noqa: S314 - pytest wrote it a moment ago
        key = (case.get("classname", ""), case.get("name", ""))
        bad = case.find("failure") is not None or case.find("error") is not None
        outcome = "failed" if bad else "skipped" if case.find("skipped") is not None else "passed"
        if outcomes.get(key) != "failed":
            outcomes[key] = outcome
    found = list(outcomes.values())
    return found.count("passed"), found.count("failed"), found.count("skipped")


def run_all(names: list[str], limit_s: float) -> list[Result]:
    """Run the steps two at a time, those of `LAST` when all others are done, and show each as it ends."""

    def one(name: str) -> Result:
        result = run_lint(name, limit_s) if name in LINT else run_ring(name, limit_s)
        word = "ok" if result.failed == 0 else "FAILED"
        print(f"{result.name}: {word}, {result.seconds:.1f} s", file=sys.stderr, flush=True)
        return result

    REPORTS.mkdir(exist_ok=True)
    results: list[Result] = []
    for together in ([name for name in names if name not in LAST], [name for name in names if name in LAST]):
        with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
            results += pool.map(one, together)
    return results


def summarise(results: list[Result], *, skips_fail: bool) -> bool:
    """Print the output of what failed, the table and the closing line; true when all is green."""
    for result in results:
        if result.failed or (skips_fail and result.skipped):
            lines = result.log.read_text(encoding="utf-8", errors="replace").splitlines()
            print(f"\n===== {result.name} (the whole: {result.log.relative_to(ROOT)})")
            print("\n".join(lines[-TAIL_LINES:]))
    print(f"\n{'ring':<18}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>9}")
    for result in results:
        counts = f"{result.passed:>8}{result.failed:>8}{result.skipped:>9}"
        print(f"{result.name:<18}{counts}{result.seconds:>9.1f}")
    passed = sum(result.passed for result in results)
    skipped = sum(result.skipped for result in results)
    failed = sum(result.failed for result in results) + (skipped if skips_fail else 0)
    if skips_fail and skipped:
        print(f"{skipped} skipped: with --ci these count as failed")
    print(f"\n{passed} passed, {failed} failed", flush=True)
    return failed == 0 and passed > 0


def main(arguments: list[str]) -> int:
    """Everything, or one ring."""
    present = rings_with_tests(ROOT / "tests")
    parser = argparse.ArgumentParser(prog="dev.py test", description=__doc__)
    parser.add_argument("--ci", action="store_true", help="a skipped test is a failure")
    parser.add_argument("--deep", action="store_true", help="the full counts that issues name; may take hours")
    parser.add_argument("--ring", choices=["lint", *present], help="this ring alone")
    chosen = parser.parse_args(arguments)
    if not provide_system_packages():
        return 1
    if chosen.ci:
        os.environ["CI"] = "true"
    if chosen.deep:
        os.environ["ZHANGGUI_DEEP"] = "1"
    if chosen.ring is None:
        names = [*LINT, *present]
    else:
        names = list(LINT) if chosen.ring == "lint" else [chosen.ring]
    results = run_all(names, DEEP_LIMIT_S if chosen.deep else LIMIT_S)
    return 0 if summarise(results, skips_fail=chosen.ci) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
