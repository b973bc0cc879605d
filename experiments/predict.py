"""`cman extract` for a checkout: `python -m experiments.predict`."""

from cman_jax.app.extract import main
from cman_jax.app.program import run_main

if __name__ == "__main__":
    run_main(main)
