"""Slips from the queue to paper, and what people decide about them."""
