"""From text to entities and triples."""
