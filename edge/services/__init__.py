"""One use case each, in one transaction."""
