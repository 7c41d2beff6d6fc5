"""Composition root of the node: builds every part once, starts them in order, stops them in reverse.

Nothing else constructs clocks, databases, transports, threads or listeners.
"""

from edge.wiring.node import RunningNode, bring_back, open_node, start

__all__ = ["RunningNode", "bring_back", "open_node", "start"]
