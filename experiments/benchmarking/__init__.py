"""The speed of this library and of its PyTorch twin, measured in turns on the same batches and parameters.

settings.py     what a measurement needs to know      statistics.py  medians and ratios
workload.py     batches of an exact shape             flops.py       products counted in a program
jax_side.py, torch_side.py   the two implementations of one small interface
worker.py       a process that hosts one framework    harness.py     starts workers and gives them turns
report.py, plot.py   tables, JSON, a picture
"""
