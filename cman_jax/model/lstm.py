"""Bidirectional LSTM, Eq. (1): both directions in one masked scan with a backward pass of its own.

Three things make it fast, none changes a number beyond rounding:
the input's share of the gates is one matrix product outside the scan; the two directions are stacked and
step together; the scan's custom VJP leaves the recurrent weights' gradient to one product after it.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Bool, Float


class BiLSTM(nn.Module):
    """`H = BiLSTM(X)`, Eq. (1); gates in the order input, forget, cell, output.

    Forget gates start from bias 1 so that early training remembers. Attributes:
      dim: units per direction.
    """

    dim: int

    def setup(self) -> None:
        recurrent_init = nn.initializers.orthogonal()
        self.recurrent_kernel = self.param(
            "recurrent_kernel",
            lambda key: jnp.stack(
                [recurrent_init(k, (self.dim, 4 * self.dim)) for k in jax.random.split(key)]
            ),
        )
        self.gates = GateProjection(self.dim)

    def project(self, x: Float[Array, "*b e"]) -> Float[Array, "*b 2 k"]:
        """The input's share of every gate; Args: x: any leading axes."""
        return self.gates(x)

    def states(self, gates: Float[Array, "b n 2 k"], mask: Bool[Array, "b n"]) -> Float[Array, "n 2 b d"]:
        """Hidden states in each direction's own time order, so [-1] is the final state of both.

        Args:
          gates: what `project` gave.
          mask: True at real tokens, which stand before all padding. States stay put over padding.
        """
        forward, backward = gates[:, :, 0], jnp.flip(gates[:, :, 1], 1)
        stacked = jnp.stack([forward, backward]).transpose(2, 0, 1, 3)
        taken = jnp.stack([mask, jnp.flip(mask, 1)]).transpose(2, 0, 1)
        return lstm_scan(stacked, self.recurrent_kernel, taken)

    def __call__(
        self, x: Float[Array, "b n e"], mask: Bool[Array, "b n"]
    ) -> Float[Array, "b n 2*{self.dim}"]:
        """Both directions' states side by side; zero at padding."""
        states = self.states(self.project(x), mask)
        outputs = jnp.concatenate([states[:, 0], jnp.flip(states[:, 1], 0)], -1).transpose(1, 0, 2)
        return outputs * mask[:, :, None]

    def final(
        self, gates: Float[Array, "b n 2 k"], mask: Bool[Array, "b n"]
    ) -> Float[Array, "b 2*{self.dim}"]:
        """Last state of each direction, side by side (zero for an empty sequence)."""
        last = self.states(gates, mask)[-1]
        return jnp.concatenate([last[0], last[1]], -1)


class GateProjection(nn.Module):
    """`X W + b` for the four gates of both directions; each gate's block is Glorot-uniform by itself."""

    dim: int

    @nn.compact
    def __call__(self, x: Float[Array, "*b e"]) -> Float[Array, "*b 2 k"]:
        width, blocks = x.shape[-1], (2, 4, self.dim)
        glorot = nn.initializers.variance_scaling(1, "fan_avg", "uniform", in_axis=0, batch_axis=(1, 2))
        kernel = self.param("kernel", lambda key: glorot(key, (width, *blocks)).reshape(width, 2, -1))
        bias = self.param("bias", lambda _: jnp.zeros(blocks).at[:, 1].set(1).reshape(2, -1))
        # One flat product: XLA on the CPU takes twice as long for the einsum's gradient.
        gates = x.reshape(-1, width) @ kernel.reshape(width, -1) + bias.reshape(1, -1)
        return gates.reshape(*x.shape[:-1], 2, 4 * self.dim)


@jax.custom_vjp
def lstm_scan(
    gates: Float[Array, "n g b k"], recurrent_kernel: Float[Array, "g d k"], mask: Bool[Array, "n g b"]
) -> Float[Array, "n g b d"]:
    """`c_t = f c_{t-1} + i g`, `h_t = o tanh(c_t)` from zero states; where mask is False the state is held.

    Args:
      gates: pre-activations without the recurrent share; k = 4 d.
      recurrent_kernel: one matrix per direction.
      mask: True where a step is taken.
    """
    return _scan_forward(gates, recurrent_kernel, mask)[0]


def _scan_forward(gates: Array, recurrent_kernel: Array, mask: Array) -> tuple[Array, tuple[Array, ...]]:
    def step(carry: tuple[Array, Array], inputs: tuple[Array, Array]) -> tuple:
        h, c = carry
        z, taken = inputs
        z = z + jnp.einsum("gbd,gdk->gbk", h, recurrent_kernel)
        i, f, g, o = jnp.split(z, 4, -1)
        i, f, g, o = nn.sigmoid(i), nn.sigmoid(f), jnp.tanh(g), nn.sigmoid(o)
        new_c = f * c + i * g
        h = jnp.where(taken[..., None], o * jnp.tanh(new_c), h)
        c = jnp.where(taken[..., None], new_c, c)
        return (h, c), (h, c, i, f, g, o)

    _, directions, batch, width = gates.shape
    zero = jnp.zeros((directions, batch, width // 4), gates.dtype)
    _, (h, *rest) = jax.lax.scan(step, (zero, zero), (gates, mask))
    return h, (h, *rest, recurrent_kernel, mask)


def _scan_backward(residuals: tuple[Array, ...], dh_out: Array) -> tuple[Array, Array, None]:
    h, c, i, f, g, o, recurrent_kernel, mask = residuals

    def step(carry: tuple[Array, Array], inputs: tuple[Array, ...]) -> tuple:
        dh, dc = carry
        dh_t, c, c_before, i, f, g, o, taken = inputs
        dh = dh + dh_t
        taken = taken[..., None]
        held_dh, held_dc = jnp.where(taken, 0, dh), jnp.where(taken, 0, dc)
        dh, dc = jnp.where(taken, dh, 0), jnp.where(taken, dc, 0)
        tanh_c = jnp.tanh(c)
        dc = dc + dh * o * (1 - tanh_c**2)
        dz = [
            dc * g * i * (1 - i),
            dc * c_before * f * (1 - f),
            dc * i * (1 - g**2),
            dh * tanh_c * o * (1 - o),
        ]
        dz = jnp.concatenate(dz, -1)
        dh = jnp.einsum("gbk,gdk->gbd", dz, recurrent_kernel)
        return (dh + held_dh, dc * f + held_dc), dz

    zero = jnp.zeros_like(c[0])
    inputs = (dh_out, c, _one_step_late(c), i, f, g, o, mask)
    _, dz = jax.lax.scan(step, (zero, zero), inputs, reverse=True)
    d_kernel = jnp.einsum("ngbd,ngbk->gdk", _one_step_late(h), dz)
    return dz, d_kernel, None


lstm_scan.defvjp(_scan_forward, _scan_backward)


def _one_step_late(x: Array) -> Array:
    return jnp.concatenate([jnp.zeros_like(x[:1]), x[:-1]])
