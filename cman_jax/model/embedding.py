"""The token input of §3.1, `x_i = [char_i ; word_i]`, with characters encoded once per distinct word."""

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float, Int

from cman_jax.layers.lstm import BiLSTM, with_reverse
from cman_jax.layers.platform import by_platform
from cman_jax.layers.products import batched_matmul


class CharacterEmbedding(nn.Module):
    """Vectors of words by their characters: the concatenated final states of a character BiLSTM.

    The table of character vectors is projected to the gates once, so each character needs only one row
    look-up.

    Attributes:
      num_chars: size of the alphabet; id 0 is padding, and id 1 is the unknown character.
      char_dim: width of a character's vector.
      lstm_dim: units per direction.
    """

    num_chars: int
    char_dim: int
    lstm_dim: int

    @nn.compact
    def __call__(self, tables: tuple[Int[Array, "_ _"], ...]) -> Float[Array, "w d"]:
        """Returns a vector for each row of the tables, counted through the tables one after another.

        Args:
          tables: [w c] character ids of distinct words, one table per word length class.
        """
        alphabet = nn.Embed(
            self.num_chars, self.char_dim, name="chars", embedding_init=nn.initializers.normal(0.1)
        )
        bilstm = BiLSTM(self.lstm_dim, name="bilstm")
        alphabet_gates = bilstm.project(jnp.stack([alphabet.embedding] * 2))

        def encode(ids: Int[Array, "w c"]) -> Float[Array, "w d"]:
            gates = by_platform(alphabet_gates, with_reverse(ids), cuda=_rows_by_product, default=_rows)
            return bilstm.final(gates, ids != 0)

        return jnp.concatenate([encode(ids) for ids in tables])


def _rows(table: Float[Array, "g v k"], ids: Int[Array, "g c w"]) -> Float[Array, "g c w k"]:
    """Returns the rows of the table for each direction."""
    return jax.vmap(lambda rows, chosen: rows[chosen])(table, ids)


def _rows_by_product(table: Float[Array, "g v k"], ids: Int[Array, "g c w"]) -> Float[Array, "g c w k"]:
    """Returns the rows of a table with few rows by a matrix product.

    The gradient of the product sums over equal ids in the same order every time.
    """
    rows = batched_matmul(nn.one_hot(ids.reshape(len(ids), -1), table.shape[1]), table)
    return rows.reshape(*ids.shape, -1)


class WordEmbedding(nn.Module):
    """Word vectors, which are trained (collection `params`) or frozen (collection `constants`).

    Attributes:
      num_words: v, the number of word ids.
      dim: width of trained vectors; frozen vectors have their own width.
      frozen: whether the vectors are frozen, and the caller provides `constants/word/vectors`.
    """

    num_words: int
    dim: int
    frozen: bool

    @nn.compact
    def __call__(self, word_ids: Int[Array, "b n"]) -> Float[Array, "b n e"]:
        """Returns the vector of each word id."""
        if self.frozen:
            return self.get_variable("constants", "vectors")[word_ids]
        return nn.Embed(self.num_words, self.dim, name="words", embedding_init=nn.initializers.normal(0.1))(
            word_ids
        )
