"""What may be sold, at what price, against which tender: pure decisions, no I/O."""
