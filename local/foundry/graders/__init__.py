"""Graders of answers: their templates, measures and formulas, Python graders, and a judge."""
