"""Members at the store: joined, recognised, given points, forgotten (membership.md §5.2, §6)."""
