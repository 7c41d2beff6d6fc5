"""A broker as a process of its own, as `scripts/broker.py` starts it, for tests that need a real one."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.kit.ports import free_port
from tests.kit.waiting import PATIENCE_S, process_state, until

ROOT = Path(__file__).resolve().parent.parent.parent
TOKENS = {
    "hub": "hub-token-0123456789abcdef",
    "store-s1-1": "s1-token-0123456789abcdef",
    "store-s2-1": "s2-token-0123456789abcdef",
}


class BrokerProcess:
    """One broker on one port through any number of lives; ended by its pid when the block ends."""

    def __init__(self, kind: str, data: Path) -> None:
        self.kind = kind
        self.port = free_port()
        self.data = data
        self.users = data / "users.json"
        self.ready: dict[str, object] = {}
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.data.mkdir(parents=True, exist_ok=True)
        self.users.write_text(json.dumps(TOKENS))
        self.users.chmod(0o600)
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        """The process to kill, pause and resume."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait for its line."""
        assert self._process is None
        script = str(ROOT / "scripts" / "broker.py")
        command = [sys.executable, script, "--kind", self.kind, "--port", str(self.port)]
        command += ["--data", str(self.data), "--users", str(self.users)]
        with (self.data / "stderr.log").open("a") as errors:
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, (self.data / "stderr.log").read_text()
        self.ready = json.loads(line)

    def kill(self) -> None:
        """End it as a power cut does."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """End it in good order; give its exit status."""
        return self._end(signal.SIGTERM)

    def pause(self) -> None:
        """Let it stand still with its connections open; a signal is only on its way when `kill` returns."""
        os.kill(self.pid, signal.SIGSTOP)
        until(lambda: process_state(self.pid) == "T", lambda: "the broker does not stand still")

    def resume(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)

    def _end(self, number: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(number)
        status = process.wait(PATIENCE_S)
        if process.stdout is not None:
            process.stdout.close()
        return status
