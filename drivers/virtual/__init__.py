"""The virtual twin of an ESC/POS network printer: same port, same answers, paper in the browser, faults at a switch."""
