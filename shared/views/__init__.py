"""Runs for people: JSON."""
