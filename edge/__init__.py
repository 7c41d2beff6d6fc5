"""The in-store node: the till that never stops, its paper, its journal, and its end of the wire."""
