"""Plain SQL on the node's file: small functions, the first argument is the transaction or the reader."""
