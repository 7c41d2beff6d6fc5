"""What crosses the wire, or must be computed alike on both sides: pure, no I/O, no clock, no chance."""
