"""Customer displays: two rows or eight figures as bytes (pure; drivers.md §2.5, failures in §7)."""
