"""Device drivers: bytes and states of the machines on the counter; this package imports nothing of ours."""
