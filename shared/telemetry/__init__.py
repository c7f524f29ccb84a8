"""What the product reports to those who operate it: spans, metrics, log records."""
