"""The small models that are really fitted: to words, to preferences, and to rewards."""
