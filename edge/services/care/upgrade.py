"""What an upgrade of the node does to this machine: restart the unit, and ask the health door of what came up."""

import http.client
import json
import subprocess
from dataclasses import dataclass

from edge.settings import EdgeSettings
from sync.node.upgrade import Answer, UpgradeError, read_answer

PROGRAM = "zhanggui-edge"
UNIT = "zhanggui-edge.service"
RESTART_TIMEOUT_S = 180
HEALTH_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class ThisMachine:
    """The service under systemd, and the door of its settings."""

    settings: EdgeSettings
    unit: str = UNIT

    def restart(self) -> None:
        """Start the unit anew; its socket stays, so tills wait and are not refused.

        Raises:
            UpgradeError: systemd does not do it; its own words say why.
        """
        try:
            # --no-block: a version that never says it is ready must not hold us for its whole start time.
            done = subprocess.run(  # noqa: S603 - a fixed program with our own arguments
                ["systemctl", "--no-block", "restart", self.unit],  # noqa: S607 - wherever this machine keeps it
                capture_output=True,
                text=True,
                check=False,
                timeout=RESTART_TIMEOUT_S,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UpgradeError(
                f"systemctl cannot be used: {error}; run this as root on the machine of the node"
            ) from error
        if done.returncode != 0:
            raise UpgradeError(f"systemctl restart {self.unit}: {done.stderr.strip() or done.returncode}")

    def health(self) -> Answer | None:
        """Ask the health door; None when nobody answers, or somebody else."""
        asking = http.client.HTTPConnection(self.settings.web.host, self.settings.web.port, timeout=HEALTH_TIMEOUT_S)
        try:
            asking.request("GET", "/api/v1/health", headers={"Connection": "close"})
            return read_answer(json.loads(asking.getresponse().read()))
        except (OSError, http.client.HTTPException, ValueError):
            return None
        finally:
            asking.close()
