"""The hub's pages, its HTTP API and the public guest page."""
