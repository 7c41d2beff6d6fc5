"""ESC/POS, pure: a slip as bytes for a profile, bytes read back, and what a printer answers told apart."""
