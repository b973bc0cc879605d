"""Stores of contextual features on disk."""
