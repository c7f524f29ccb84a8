"""Datasets: bytes in, findings out."""
