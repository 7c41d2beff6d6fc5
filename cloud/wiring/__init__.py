"""Composition root of the hub: builds every part once, starts them in order, stops them in reverse.

Nothing else constructs clocks, databases, transports, threads or listeners.
"""

from cloud.wiring.commands import Commands
from cloud.wiring.core import Core, open_core
from cloud.wiring.hub import RunningHub, start

__all__ = ["Commands", "Core", "RunningHub", "open_core", "start"]
