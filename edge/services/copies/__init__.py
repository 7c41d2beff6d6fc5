"""Copies of the journal and what makes them worth having: snapshots, restore, drills, archives."""
