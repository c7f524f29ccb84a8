"""What the product tells those who operate it: spans, metrics, log records."""
