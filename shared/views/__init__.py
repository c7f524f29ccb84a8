"""Runs for people and their scripts."""
