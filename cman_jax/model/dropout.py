"""Dropout whose mask is a function of position and key, computed where it is used."""

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float, PRNGKeyArray, UInt32

_STRIDE = 0x9E3779B1  # odd and far from small fractions of 2**32, so that near positions stay apart
_MULTIPLIERS = (0x7FEB352D, 0x846CA68B)


class Dropout(nn.Module):
    """Zeroes each entry with probability `rate` and scales the others by `1 / (1 - rate)`.

    As `nn.Dropout`, but its random bits come from an integer hash of (key, position): the compiler fuses it
    into the product, forwards and backwards, so no mask is stored; JAX's own generator took a twentieth of
    a training step on the CPU.
    """

    rate: float

    @nn.compact
    def __call__(self, x: Float[Array, "*b"], *, train: bool) -> Float[Array, "*b"]:
        if not train or self.rate == 0:
            return x
        keep = 1 - self.rate
        kept = random_bits(self.make_rng("dropout"), x.shape) < jnp.uint32(keep * 2**32)
        return jnp.where(kept, x / keep, 0)


def random_bits(key: PRNGKeyArray, shape: tuple[int, ...]) -> UInt32[Array, "..."]:
    """32 bits per position; good enough for dropout, for nothing that needs a cryptographic generator.

    A position's bits do not depend on the shape, so padding changes none.

    Rounds of xor-shift and multiply with the constants of Wellons' `lowbias32`, salted with the key twice.
    """
    salts = jax.random.bits(key, (2,))
    bits = jnp.zeros(shape, jnp.uint32)
    for axis in range(len(shape)):
        bits = bits * jnp.uint32(_STRIDE) + jax.lax.broadcasted_iota(jnp.uint32, shape, axis)
    for salt in salts:
        bits = bits ^ salt
        bits = (bits ^ (bits >> 16)) * jnp.uint32(_MULTIPLIERS[0])
        bits = (bits ^ (bits >> 15)) * jnp.uint32(_MULTIPLIERS[1])
        bits = bits ^ (bits >> 16)
    return bits
