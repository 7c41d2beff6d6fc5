"""The wire to a device as bytes with time limits, one module for each kind of wire."""
