"""`cman evaluate` for a checkout: `python -m experiments.evaluate`."""

from cman_jax.app.evaluate import main
from cman_jax.app.program import run_main

if __name__ == "__main__":
    run_main(main)
