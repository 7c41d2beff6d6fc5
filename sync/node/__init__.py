"""What any process of ours needs: clock, ids, SQLite, settings, keys, logs. It knows no noun of the trade."""
