"""Packaged configs of experiments, which `--config=NAME` finds by name."""
