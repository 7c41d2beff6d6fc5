"""Receipt and kitchen printers: how a slip is handed over and confirmed, and what differs between models."""
