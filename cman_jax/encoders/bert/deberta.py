"""The attention of DeBERTa (He et al., 2021) as in its version 3, with vectors for distances."""

import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jaxtyping import Array, Bool, Float, Int

from cman_jax.layers.attention import attend
from cman_jax.layers.dense import Dense


class DisentangledAttention(nn.Module):
    """Self-attention whose logits compare contents, contents with distances, and distances with contents.

    Per head, the logit of pieces i and j is `(Q_i K_j + Q_i K'_r + K_j Q'_r) / sqrt(3k)`. K' and Q' are the
    keys and queries of the vectors of distances, and r is the bucket of i - j.

    Attributes:
      num_heads: number of heads; divides the width.
      farthest: the distance of the last bucket.
    """

    num_heads: int
    farthest: int

    @nn.compact
    def __call__(
        self, x: Float[Array, "b n d"], mask: Bool[Array, "b n"], distances: Float[Array, "r d"]
    ) -> Float[Array, "b n d"]:
        """Returns the attended vectors.

        Args:
          x: the vectors that queries, keys and values are computed from.
          mask: True at real pieces; padding is not attended to.
          distances: the vector of each bucket of distances.
        """
        width = x.shape[-1]
        query, key, value = (Dense(width, name=name) for name in ("query", "key", "value"))

        def heads(y: Float[Array, "*b d"]) -> Float[Array, "*b h k"]:
            return y.reshape(*y.shape[:-1], self.num_heads, -1)

        queries, keys = heads(query(x)), heads(key(x))
        bucket = distance_buckets(x.shape[1], distances.shape[0] // 2, self.farthest)[None, None]
        to_distance = jnp.einsum("bnhk,rhk->bhnr", queries, heads(key(distances)))
        from_distance = jnp.einsum("bmhk,rhk->bhmr", keys, heads(query(distances)))
        bias = jnp.take_along_axis(to_distance, bucket, axis=3)
        # The bucket of j - i, looked up for piece j, is that of i - j for the logit of i and j.
        bias = bias + jnp.take_along_axis(from_distance, bucket.swapaxes(2, 3), axis=3).swapaxes(2, 3)
        scale = (3 * queries.shape[-1]) ** 0.5
        attended = attend(queries / 3**0.5, keys, heads(value(x)), mask, bias / scale)
        return Dense(width, name="output")(attended.reshape(x.shape))


def distance_buckets(length: int, span: int, farthest: int) -> Int[np.ndarray, "n n"]:
    """Returns the bucket of the distance i - j for each piece i and each piece j.

    Distances below half of the span have a bucket each. Farther ones share buckets whose widths grow with the
    logarithm of the distance.

    Args:
      length: number of pieces.
      span: number of buckets on each side; bucket `span` is the distance zero.
      farthest: the distance of the last bucket.
    """
    place = np.arange(length)
    offset = place[:, None] - place[None, :]
    near = span // 2
    # In float32, like the original: the edges of the buckets depend on its rounding.
    far = np.maximum(np.abs(offset), near).astype(np.float32) / np.float32(near)
    steps = np.log(far) / np.log(np.float32((farthest - 1) / near)) * np.float32(near - 1)
    shared = np.sign(offset) * (np.ceil(steps).astype(np.int64) + near)
    bucket = np.where(np.abs(offset) <= near, offset, shared)
    return np.clip(bucket + span, 0, 2 * span - 1)
