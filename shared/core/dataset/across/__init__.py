"""Facts about many rows together: duplicates, balance, the split, statistics."""
