"""Sales, payments and what goes back: everything that moves money."""
