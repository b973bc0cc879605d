"""`cman train` for a checkout: `python -m experiments.train`."""

from cman_jax.app.program import run_main
from cman_jax.app.train import main

if __name__ == "__main__":
    run_main(main)
