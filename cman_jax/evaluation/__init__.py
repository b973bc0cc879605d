"""From predicted tensors back to spans and triples, and from those to scores."""
