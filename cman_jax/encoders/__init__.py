"""Pretrained encoders, which compute vectors of all layers from words."""
