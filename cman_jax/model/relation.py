"""The relation scorer, Eqs. (9) and (10), which never stores its pairwise hidden layer."""

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from cman_jax.config import ScorerKind
from cman_jax.layers.dense import Dense
from cman_jax.layers.pairwise import pairwise_tanh_score


class RelationScorer(nn.Module):
    """The relation scorer `s(i, j, k) = V_k . tanh(U_k x_i + W_k x_j + b_k)`, Eq. (9).

    Differs from the paper: only the initial `b_k` does. Eq. (9) has no output bias, and almost every cell is
    negative. Therefore `b_k` starts opposed to `V_k`, so that the score of a zero input is the logit of
    `prior`. Inputs of unit variance saturate the units and weaken this effect: a prior of 0.01 then starts
    near 0.1.

    With `num_sums`, the last entries of a token are the running sums F of `model/between.py`, and the scorer
    is `s(i, j, k) = V_k . tanh(U_k x_i + W_k x_j + B_k (F_j - F_i) + b_k)`.

    Attributes:
      num_relations: r, the number of relation types, the null relation included.
      dim: f, the hidden width.
      kind: "per_relation" for separate `U, W, b` per relation type, or "shared" (Bekoulis et al., 2018).
      prior: probability of a relation before training; 0.5 leaves `b` at zero. A narrow scorer starts above a
        small prior, because `b_k` is limited to values where tanh has a slope. With a prior of 0.01, it
        starts at 0.06 for f = 16, and at 0.02 for f = 32.
      num_sums: number of running sums at the end of every token's vector.
    """

    num_relations: int
    dim: int
    kind: ScorerKind
    prior: float
    num_sums: int = 0

    @nn.compact
    def __call__(
        self, subjects: Float[Array, "b n d"], objects: Float[Array, "b m d"] | None = None
    ) -> Float[Array, "b n m r"]:
        """Computes the logits of every (subject token, object token, relation type).

        Args:
          subjects: vectors of the subject tokens.
          objects: vectors of the object tokens; None: the subjects are also the objects.
        """
        objects = subjects if objects is None else objects
        hidden = (self.num_relations if self.kind == "per_relation" else 1, self.dim)
        output = self.param("output", nn.initializers.normal(self.dim**-0.5), (self.dim, self.num_relations))
        bias = self.param("bias", lambda key: self._opposing_bias(output, hidden[0]))

        between = Dense(bias.size, use_bias=False, name="between") if self.num_sums else None

        def project(name: str, tokens: Float[Array, "b n d"], sign: int) -> Float[Array, "b n q f"]:
            """Returns the summands of subjects or objects inside the tanh."""
            x, sums = jnp.split(tokens, [tokens.shape[-1] - self.num_sums], -1)
            summands = Dense(bias.size, use_bias=False, name=name)(x)
            if between:
                summands = summands + sign * between(sums)
            return summands.reshape(*x.shape[:2], *hidden)

        subject, object_ = project("subject", subjects, -1) + bias[None, None], project("object", objects, 1)
        by_unit = (0, 3, 2, 1)
        logits = pairwise_tanh_score(subject.transpose(by_unit), object_.transpose(by_unit), output)
        return logits.transpose(0, 2, 3, 1)

    def _opposing_bias(self, output: Float[Array, "f r"], groups: int) -> Float[Array, "q f"]:
        """Returns b with `V . tanh(b) = logit(prior)` and the same size of `tanh(b)` for all units.

        The size is at most 0.9, where tanh still has a slope.

        Args:
          output: V.
          groups: number of rows of b, either r or 1.
        """
        mean_output = output.T if groups > 1 else output.mean(1)[None]
        target = jnp.log(self.prior / (1 - self.prior)) / jnp.abs(mean_output).sum(1, keepdims=True)
        return jnp.arctanh(jnp.clip(target, -0.9, 0.9)) * jnp.sign(mean_output)
