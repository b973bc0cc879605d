"""ELMo's bidirectional language model: characters of words to vectors, and two stacks of LSTMs over them.

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
    """A word's vector from its characters: convolutions, their maxima, highways, a projection.

    Attributes:
      num_chars: size of the alphabet.
      char_dim: width of a character's vector.
      filters: (width, count) of each convolution.
      num_highways: layers of `y = s * relu(x W + b) + (1 - s) * x`, `s = sigmoid(x V + c)`.
      activation: of the maxima, "relu" or "tanh".
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
        """Args: ids: padding counts as characters do, so its length matters."""
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
    """`s * relu(x W + b) + (1 - s) * x`, where `s = sigmoid(x V + c)`."""

    @nn.compact
    def __call__(self, x: Float[Array, "w d"]) -> Float[Array, "w d"]:
        gate = nn.sigmoid(nn.Dense(x.shape[-1], name="carry")(x))
        return gate * nn.relu(nn.Dense(x.shape[-1], name="transform")(x)) + (1 - gate) * x


class LSTMState(NamedTuple):
    """What the LSTMs remember, forward and backward."""

    output: Float[Array, "*l g b p"]
    cell: Float[Array, "*l g b d"]


class BidirectionalLM(nn.Module):
    """Stacked LSTMs, forward and backward ones apart: neither direction ever reads the other.

    Attributes:
      num_layers: LSTMs per direction.
      lstm_dim: width of a cell.
      cell_clip, proj_clip: bounds of cells and outputs, or None.
      skip_connections: from the second LSTM on, the input is added to the output (not to the state).
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
        """All layers' vectors, forward then backward, zero at padding; and the state after each sentence.

        Args:
          tokens: words' vectors; the lowest layer is these, twice.
          mask: True at real tokens, which stand before all padding.
          state: to start from, one per layer.
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
        """Nothing remembered. Args: dim: p."""
        shape = (self.num_layers, 2, batch)
        return LSTMState(jnp.zeros((*shape, dim)), jnp.zeros((*shape, self.lstm_dim)))


class ProjectedLSTM(nn.Module):
    """One layer, both directions step by step together; gates in the order input, candidate, forget, output.

    `c_t = clip(f c_{t-1} + i g)`, `h_t = clip((o tanh(c_t)) P)`; the gates read `h_{t-1}`.
    """

    dim: int
    cell_clip: float | None
    proj_clip: float | None

    @nn.compact
    def __call__(
        self, x: Float[Array, "g n b p"], mask: Bool[Array, "g n b"], state: LSTMState
    ) -> tuple[Float[Array, "g n b p"], LSTMState]:
        """Args: x: in each direction's own order of time. Where mask is False the state is held."""
        width, init = x.shape[-1], nn.initializers.lecun_normal(batch_axis=0)
        input_kernel = self.param("input_kernel", init, (2, width, 4 * self.dim))
        recurrent_kernel = self.param("recurrent_kernel", init, (2, width, 4 * self.dim))
        bias = self.param("bias", nn.initializers.zeros_init(), (2, 4 * self.dim))
        projection = self.param("projection", init, (2, self.dim, width))
        # Outside the loop, as one large product of matrices.
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
    return x if bound is None else jnp.clip(x, -bound, bound)
