"""The rules: pure functions and frozen data, no Azure, no clock, no files."""
