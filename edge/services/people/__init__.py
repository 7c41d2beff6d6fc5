"""Who works here, who is at the till, and what each may do."""
