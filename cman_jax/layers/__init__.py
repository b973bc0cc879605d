"""Layers that any network could use."""
