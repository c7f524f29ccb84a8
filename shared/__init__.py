"""The product, without its triggers."""
