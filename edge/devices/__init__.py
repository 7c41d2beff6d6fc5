"""Acts after the commit, from durable queues."""
