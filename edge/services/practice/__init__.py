"""Practice (练习): a world of its own to learn in, on a scratch file, that nothing of the store ever hears of."""
