"""Graders, which reward answers: their templates, text measures, formulas, Python sources, and a model as a judge."""
