"""A speed comparison of this library and its PyTorch twin, in turns, on the same batches and parameters.

settings.py     settings shared by all processes      statistics.py  medians and ratios
workload.py     batches of an exact shape             flops.py       operations of a program's matrix products
jax_side.py, torch_side.py   the two implementations of one small interface
worker.py       a process that runs one framework     harness.py     starts the workers and runs them in turns
turnstile.py    stops a training before each epoch    measures.py    what is measured, as rows of results
report.py, plot.py   the results as text and as a plot
"""
