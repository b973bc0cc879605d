"""Pretrained encoders: words in, vectors of all layers out."""
