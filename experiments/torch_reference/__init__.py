"""The PyTorch twin of CMAN, in idiomatic eager style; tests and benchmarks compare the JAX network with it.

The twin is built from the same config and takes the same batches. From the same parameters (`convert.py`) it
computes the same numbers. Nothing in it is slowed down on purpose. It uses packed `nn.LSTM` and fused
attention. Adversarial training takes two forward and two backward passes. A batch has no padding beyond its
longest sentence.
"""
