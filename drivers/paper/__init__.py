"""The paper that bytes would make: rows, the system's Chinese font, the picture."""
