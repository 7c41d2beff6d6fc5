"""The wire: what both sides agree on (`contract`), what any process needs (`node`), what moves facts (`engine`)."""
