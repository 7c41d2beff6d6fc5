"""The store itself: its first start, its own settings, its terminals on the LAN."""
