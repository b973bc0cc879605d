"""Layers that any network could use, and their forms for GPUs."""
