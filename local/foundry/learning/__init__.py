"""The small models that are really fitted: words, preferences, and rewards among ways to answer."""
