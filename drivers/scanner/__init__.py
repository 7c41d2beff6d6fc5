"""Barcode scanners: bytes or key events in, one code at a time out. Pure; what a code means is no business of this package."""
