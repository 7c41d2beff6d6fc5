"""Card readers: swipes and taps in, a member's id out. A bank card's data never leaves this package. Pure."""
