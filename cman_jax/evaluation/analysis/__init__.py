"""Where a trained system is right and wrong."""
