"""A till's shift from its float to its Z."""
