"""CMAN in idiomatic PyTorch, eager style: what the JAX network is checked and timed against.

It is built from the same config, takes the same batches and computes the same numbers from the same
weights (`convert.py`). Nothing in it is slowed down on purpose: packed `nn.LSTM`, fused attention, two
forward and two backward passes for adversarial training, no padding beyond the longest sentence of a batch.
"""
