"""Scores of predictions against the gold, and their tables."""
