"""Features kept on disk."""
