"""Losses, the adversarial step, optimiser, devices, checkpoints and the loop that joins them."""
