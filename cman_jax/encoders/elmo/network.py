"""ELMo's network: characters become vectors of words, and two stacks of LSTMs read these vectors.

Source: Peters et al. (2018), Deep Contextualized Word Representations; Jozefowicz et al. (2016), Exploring
the Limits of Language Modeling, for the character network and the LSTM with projection.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Bool, Float, Int

from cman_jax.layers.lstm import at, with_reverse


class CharacterCNN(nn.Module):
    """The character network: convolutions, their maxima over positions, highway layers and a projection.

    Attributes:
      num_chars: size of the alphabet.
      char_dim: width of a character's vector.
      filters: (width, count) of each convolution.
      num_highways: number of `Highway` layers.
      activation: function applied to the maxima, "relu" or "tanh".
      dim: width of a word's vector.
    """

    num_chars: int
    char_dim: int
    filters: tuple[tuple[int, int], ...]
    num_highways: int
    activation: str
    dim: int

    @nn.compact
    def __call__(self, ids: Int[Array, "w c"]) -> Float[Array, "w {self.dim}"]:
        """Returns the vector of each word.

        Args:
          ids: the padded characters of each word. Padding is a character like any other, so its length
            matters.
        """
        x = nn.Embed(self.num_chars, self.char_dim, name="characters")(ids)
        maxima = [
            nn.Conv(count, (width,), padding="VALID", name=f"convolution_{i}")(x).max(1)
            for i, (width, count) in enumerate(self.filters)
        ]
        y = {"relu": nn.relu, "tanh": nn.tanh}[self.activation](jnp.concatenate(maxima, -1))
        for i in range(self.num_highways):
            y = Highway(name=f"highway_{i}")(y)
        return nn.Dense(self.dim, name="projection")(y)


class Highway(nn.Module):
    """A highway layer: `s * relu(x W + b) + (1 - s) * x`, where `s = sigmoid(x V + c)`."""

    @nn.compact
    def __call__(self, x: Float[Array, "w d"]) -> Float[Array, "w d"]:
        """Returns the output of the layer."""
        gate = nn.sigmoid(nn.Dense(x.shape[-1], name="carry")(x))
        return gate * nn.relu(nn.Dense(x.shape[-1], name="transform")(x)) + (1 - gate) * x


class LSTMState(NamedTuple):
    """The state of the LSTMs in both directions, forward first."""

    output: Float[Array, "*l g b p"]
    cell: Float[Array, "*l g b d"]


class BidirectionalLM(nn.Module):
    """Two stacks of LSTMs, one forward and one backward; neither stack reads the other.

    Attributes:
      num_layers: number of LSTMs per direction.
      lstm_dim: width of a cell.
      cell_clip: bound on the absolute values of cells; None: no bound.
      proj_clip: bound on the absolute values of outputs; None: no bound.
      skip_connections: whether the second LSTM and later ones add their input to their output. The state
        stays as it is.
    """

    num_layers: int
    lstm_dim: int
    cell_clip: float | None
    proj_clip: float | None
    skip_connections: bool

    @nn.compact
    def __call__(
        self, tokens: Float[Array, "b n p"], mask: Bool[Array, "b n"], state: LSTMState
    ) -> tuple[Float[Array, "{self.num_layers}+1 b n 2*p"], LSTMState]:
        """Returns the vectors of all layers, and the state after each sentence.

        A vector contains the forward part, then the backward part. It is zero at padding.

        Args:
          tokens: the vectors of words; the lowest layer contains them twice.
          mask: True at real tokens, which stand before all padding.
          state: the state to start from, one entry per layer.
        """
        x, steps = with_reverse(tokens), with_reverse(mask)
        layers, states = [x], []
        for i in range(self.num_layers):
            lstm = ProjectedLSTM(self.lstm_dim, self.cell_clip, self.proj_clip, name=f"layer_{i}")
            y, last = lstm(x, steps, LSTMState(state.output[i], state.cell[i]))
            x = x + y if self.skip_connections and i > 0 else y
            layers.append(x)
            states.append(last)
        forward, backward = jnp.stack(layers, 1)
        vectors = jnp.concatenate([forward, backward[:, ::-1]], -1).swapaxes(1, 2)
        return vectors * mask[None, :, :, None], jax.tree.map(lambda *x: jnp.stack(x), *states)

    def start(self, batch: int, dim: int) -> LSTMState:
        """Returns the state zero.

        Args:
          batch: number of sentences.
          dim: width of a word's vector, p.
        """
        shape = (self.num_layers, 2, batch)
        return LSTMState(jnp.zeros((*shape, dim)), jnp.zeros((*shape, self.lstm_dim)))


class ProjectedLSTM(nn.Module):
    """One layer of LSTMs, which computes a step of both directions together.

    `c_t = clip(f c_{t-1} + i g)`, `h_t = clip((o tanh(c_t)) P)`; the gates read `h_{t-1}`. The gates are
    stored in the order input, candidate, forget, output.

    Attributes:
      dim: width of a cell.
      cell_clip, proj_clip: bounds of cells and outputs, as in `BidirectionalLM`.
    """

    dim: int
    cell_clip: float | None
    proj_clip: float | None

    @nn.compact
    def __call__(
        self, x: Float[Array, "g n b p"], mask: Bool[Array, "g n b"], state: LSTMState
    ) -> tuple[Float[Array, "g n b p"], LSTMState]:
        """Returns the outputs, and the state after the last step.

        Args:
          x: the inputs, each direction in its own order of time.
          mask: True at real tokens. Where mask is False, the state does not change.
          state: the state to start from.
        """
        width, init = x.shape[-1], nn.initializers.lecun_normal(batch_axis=0)
        input_kernel = self.param("input_kernel", init, (2, width, 4 * self.dim))
        recurrent_kernel = self.param("recurrent_kernel", init, (2, width, 4 * self.dim))
        bias = self.param("bias", nn.initializers.zeros_init(), (2, 4 * self.dim))
        projection = self.param("projection", init, (2, self.dim, width))
        # Computed outside the loop, as one large matrix product.
        gates = jnp.einsum("gmp,gpk->gmk", x.reshape(2, -1, width), input_kernel) + bias[:, None]
        gates = gates.reshape(*x.shape[:-1], -1)

        def step(state: LSTMState, t: Array) -> tuple[LSTMState, Array]:
            z = at(gates, t) + jnp.einsum("gbp,gpk->gbk", state.output, recurrent_kernel)
            i, g, f, o = jnp.split(z, 4, -1)
            cell = nn.sigmoid(f) * state.cell + nn.sigmoid(i) * jnp.tanh(g)
            cell = _clip(cell, self.cell_clip)
            output = jnp.einsum("gbd,gdp->gbp", nn.sigmoid(o) * jnp.tanh(cell), projection)
            output = _clip(output, self.proj_clip)
            taken = at(mask, t)[:, :, None]
            state = LSTMState(jnp.where(taken, output, state.output), jnp.where(taken, cell, state.cell))
            return state, state.output

        last, outputs = jax.lax.scan(step, state, jnp.arange(x.shape[1]))
        return outputs.swapaxes(0, 1), last


def _clip(x: Float[Array, "g b d"], bound: float | None) -> Float[Array, "g b d"]:
    """Returns x with its entries limited to [-bound, bound]; None: no limit."""
    return x if bound is None else jnp.clip(x, -bound, bound)
