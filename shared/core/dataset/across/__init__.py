"""What is known of many rows together: duplicates, balance, the split, statistics."""
