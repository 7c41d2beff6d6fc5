"""Orders from takeaway platforms: taken in, accepted, cancelled, and the platforms told of it."""
