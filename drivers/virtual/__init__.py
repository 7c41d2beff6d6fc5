"""Virtual twins of every device: real ports, the bytes of real devices, faults at a switch, and a page to see them by."""
