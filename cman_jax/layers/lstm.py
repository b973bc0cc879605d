"""A bidirectional LSTM, Eq. (1), with both directions in one masked scan and a custom backward pass.

Three choices save time and change results only by rounding:

 - One matrix product outside the scan computes the input's part of the gates.
 - The two directions are stacked, so that each step of the scan computes both.
 - The scan's custom VJP computes the gradient of the recurrent weights by one product after the scan.

On NVIDIA GPUs, the scan is a single kernel (`lstm_kernels.py`).
"""

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Bool, Float, Int, Shaped

from cman_jax.layers.platform import by_platform, kernel
from cman_jax.layers.products import batched_matmul, weight_gradient

_kernel_forward = kernel("cman_jax.layers.lstm_kernels", "forward")
_kernel_backward = kernel("cman_jax.layers.lstm_kernels", "backward")


class BiLSTM(nn.Module):
    """A bidirectional LSTM, `H = BiLSTM(X)` of Eq. (1), with gates in the order input, forget, cell, output.

    The biases of forget gates start at 1, so that states are remembered early in training.

    Attributes:
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

    def project(self, x: Float[Array, "g *b e"]) -> Float[Array, "g *b k"]:
        """Returns the input's part of all gates.

        Args:
          x: the input of each direction, in the direction's time order.
        """
        return self.gates(x)

    def states(self, gates: Float[Array, "g n b k"], mask: Bool[Array, "b n"]) -> Float[Array, "g n b d"]:
        """Returns hidden states in each direction's own time order, so that [:, -1] are the final states.

        Args:
          gates: the result of `project`.
          mask: True at real tokens, which come before all padding. Padding leaves a state unchanged.
        """
        return lstm_scan(gates, self.recurrent_kernel, with_reverse(mask))

    def __call__(
        self, x: Float[Array, "b n e"], mask: Bool[Array, "b n"]
    ) -> Float[Array, "b n 2*{self.dim}"]:
        """Returns the concatenated states of both directions, and zeros at padding.

        Args:
          x: the input.
          mask: True at real tokens, which come before all padding.
        """
        # The input is reversed here and not the gates, because the gates are wider.
        states = self.states(self.project(with_reverse(x)), mask)
        forward, backward = jnp.split(states, 2)
        outputs = jnp.concatenate([forward[0], backward[0, ::-1]], -1).transpose(1, 0, 2)
        return outputs * mask[:, :, None]

    def final(
        self, gates: Float[Array, "g n b k"], mask: Bool[Array, "b n"]
    ) -> Float[Array, "b 2*{self.dim}"]:
        """Returns the concatenated final states of both directions, and zeros for an empty sequence.

        Args:
          gates: the result of `project`.
          mask: True at real tokens, which come before all padding.
        """
        last = self.states(gates, mask)[:, -1]
        return jnp.concatenate([last[0], last[1]], -1)


class GateProjection(nn.Module):
    """The projection `X W + b` to the four gates of both directions.

    Each gate's block of W starts Glorot-uniform, separately.

    Attributes:
      dim: units per direction.
    """

    dim: int

    @nn.compact
    def __call__(self, x: Float[Array, "g *b e"]) -> Float[Array, "g *b k"]:
        """Returns the input's part of all gates, before the activation functions."""
        width, blocks = x.shape[-1], (2, 4, self.dim)
        glorot = nn.initializers.variance_scaling(1, "fan_avg", "uniform", in_axis=1, batch_axis=(0, 2))
        kernel = self.param("kernel", lambda key: glorot(key, (2, width, 4, self.dim)).reshape(2, width, -1))
        bias = self.param("bias", lambda _: jnp.zeros(blocks).at[:, 1].set(1).reshape(2, -1))
        gates = batched_matmul(x.reshape(2, -1, width), kernel) + bias[:, None]
        return gates.reshape(*x.shape[:-1], 4 * self.dim)


def with_reverse(x: Shaped[Array, "b n ..."]) -> Shaped[Array, "g n b ..."]:
    """Returns a stack of a batch and its reverse in time, with time as the first axis of each.

    Args:
      x: a batch with the time axis second.
    """
    time_first = jnp.swapaxes(x, 0, 1)
    return jnp.stack([time_first, time_first[::-1]])


@jax.custom_vjp
def lstm_scan(
    gates: Float[Array, "g n b k"], recurrent_kernel: Float[Array, "g d k"], mask: Bool[Array, "g n b"]
) -> Float[Array, "g n b d"]:
    """Computes the states `h_t = o tanh(c_t)` with `c_t = f c_{t-1} + i g`, from zero states.

    Args:
      gates: pre-activations of the gates without the recurrent part; k = 4 d.
      recurrent_kernel: the recurrent weights, one matrix per direction.
      mask: True where a step is taken. Elsewhere the state stays the same.
    """
    return _scan_forward(gates, recurrent_kernel, mask)[0]


def _scan_forward(gates: Array, recurrent_kernel: Array, mask: Array) -> tuple[Array, tuple[Array, ...]]:
    """Returns the states of `lstm_scan`, and the arrays that the backward pass needs."""
    activations, states, cells = by_platform(
        gates, recurrent_kernel, mask, cuda=_kernel_forward, default=_loop_forward
    )
    return states, (activations, states, cells, recurrent_kernel, mask)


def _loop_forward(gates: Array, recurrent_kernel: Array, mask: Array) -> tuple[Array, Array, Array]:
    """Returns the activations of the gates, the states and the cells of all steps."""
    directions, length, batch, width = gates.shape
    dim = width // 4
    # Because sigmoid(z) = tanh(z / 2) / 2 + 1/2, one tanh serves all four gates.
    scale = jnp.repeat(jnp.array([0.5, 0.5, 1, 0.5], gates.dtype), dim)[None, None]

    def step(t: Array, carry: tuple[Array, ...]) -> tuple[Array, ...]:
        activations, states, cells, h, c = carry
        z = at(activations, t) + jnp.einsum("gbd,gdk->gbk", h, recurrent_kernel)
        a = scale * jnp.tanh(scale * z) + (1 - scale)
        i, f, g, o = jnp.split(a, 4, -1)
        taken = at(mask, t)[..., None]
        c = jnp.where(taken, f * c + i * g, c)
        h = jnp.where(taken, o * jnp.tanh(c), h)
        return _put(activations, a, t), _put(states, h, t), _put(cells, c, t), h, c

    start = jnp.zeros((directions, batch, dim), gates.dtype)
    room = jnp.zeros((directions, length, batch, dim), gates.dtype)
    # The activations of each step overwrite its gates.
    activations, states, cells, _, _ = jax.lax.fori_loop(0, length, step, (gates, room, room, start, start))
    return activations, states, cells


def _scan_backward(residuals: tuple[Array, ...], d_states: Array) -> tuple[Array, Array, None]:
    """Returns the gradients of the gates and the recurrent weights, from the gradient of the states."""
    activations, states, cells, recurrent_kernel, mask = residuals
    dz = by_platform(
        *(activations, cells, recurrent_kernel, mask, d_states),
        cuda=_kernel_backward,
        default=_loop_backward,
    )
    before = jnp.pad(states[:, :-1], ((0, 0), (1, 0), (0, 0), (0, 0)))
    flat = [x.reshape(len(x), -1, x.shape[-1]) for x in (before, dz)]
    return dz, weight_gradient(*flat), None


def _loop_backward(
    activations: Array, cells: Array, recurrent_kernel: Array, mask: Array, d_states: Array
) -> Array:
    """Returns the gradient of the gates' pre-activations."""
    length = mask.shape[1]
    transposed = jax.lax.optimization_barrier(recurrent_kernel.swapaxes(1, 2))  # once, not in every step

    def step(k: Array, carry: tuple[Array, ...]) -> tuple[Array, ...]:
        buffer, a, dh, dc = carry
        t = length - 1 - k
        previous = jnp.maximum(t - 1, 0)
        i, f, g, o = jnp.split(a, 4, -1)
        c, taken = at(cells, t), at(mask, t)[..., None]
        c_before = jnp.where(t > 0, at(cells, previous), 0)
        dh = dh + at(d_states, t)
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
        dh = jnp.einsum("gbk,gkd->gbd", dz, transposed)
        buffer = _put(buffer, dz, t)
        return buffer, at(buffer, previous), dh + held_dh, dc * f + held_dc

    # dz of each step overwrites its activations. The activations of the next step are read at the end of the
    # current step, because XLA copies the whole array if a read and a write are far apart.
    zero = jnp.zeros_like(cells[:, 0])
    return jax.lax.fori_loop(0, length, step, (activations, activations[:, -1], zero, zero))[0]


lstm_scan.defvjp(_scan_forward, _scan_backward)


def at(x: Shaped[Array, "g n b ..."], t: Int[Array, ""]) -> Shaped[Array, "g b ..."]:
    """Returns time step t of both directions.

    Args:
      x: an array over all time steps.
      t: the time step.
    """
    return jax.lax.dynamic_index_in_dim(x, t, 1, keepdims=False)


def _put(
    x: Shaped[Array, "g n b ..."], value: Shaped[Array, "g b ..."], t: Array
) -> Shaped[Array, "g n b ..."]:
    """Returns an array with time step t of both directions replaced."""
    return jax.lax.dynamic_update_index_in_dim(x, value, t, 1)
