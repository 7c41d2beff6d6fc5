"""A paid sale becomes a document for paper (pure)."""
