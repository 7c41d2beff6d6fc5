"""One use case each around open orders: tables, lines, the kitchen, what there is today."""
