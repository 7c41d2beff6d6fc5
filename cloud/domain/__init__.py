"""The rules of the hub, as pure functions: no database, no clock, no chance."""
