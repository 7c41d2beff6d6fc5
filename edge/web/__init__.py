"""Parses a request, calls one service, answers."""
