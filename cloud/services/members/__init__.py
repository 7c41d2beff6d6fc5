"""Members at the hub: the booker, grants, referrals, cards, and what HQ does with members."""
