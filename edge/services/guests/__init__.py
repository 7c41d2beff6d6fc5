"""What guests reach with their phones, and what they see at the till."""
