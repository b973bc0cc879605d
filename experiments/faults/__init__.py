"""Faults provoked on purpose, many times each, and what becomes of them."""
