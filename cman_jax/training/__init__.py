"""Training: losses, steps, epochs, and runs that can be resumed."""
