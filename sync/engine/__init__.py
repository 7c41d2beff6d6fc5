"""Moves facts and never looks inside them: pure state machines, and transports that carry their messages."""
