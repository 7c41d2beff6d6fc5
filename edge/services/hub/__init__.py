"""The way to HQ: enrolment, keys, what goes up and what comes down, replacement."""
