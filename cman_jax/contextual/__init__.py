"""Pretrained encoders, frozen: words in, contextual features out."""
