"""Scales: what they send, as readings (pure; drivers.md §2.5, failures in §7)."""
