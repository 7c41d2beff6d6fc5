"""What people and screens do with printers, drawers, scanners, scales and displays."""
