"""Settings that `--config=NAME` finds by name."""
