"""The relation scorer, Eqs. (9) and (10), without ever storing its pairwise hidden layer."""

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from cman_jax.config import ScorerKind
from cman_jax.model.dense import Dense
from cman_jax.model.platform import choose, kernel

# exp(2u) exp(2w) must stay finite in float32: 2 (21 + 21) < log(3.4e38).
_LARGEST = 21.0
_kernel_score = kernel("cman_jax.model.relation_kernels", "score")
_kernel_gradients = kernel("cman_jax.model.relation_kernels", "gradients")


class RelationScorer(nn.Module):
    """`s(i, j, k) = V_k . tanh(U_k x_i + W_k x_j + b_k)`, Eq. (9).

    Differs from the paper: only in where it starts. Eq. (9) has no output bias and almost every cell is
    negative, so `b_k` starts opposed to `V_k` such that a zero input scores the logit of `prior`. Inputs of
    unit variance saturate the units and soften that: a prior of 0.01 then starts near 0.1.

    Attributes:
      num_relations: r, the null relation included.
      dim: f, the hidden width.
      kind: one `U, W, b` per relation, or one for all (Bekoulis et al., 2018).
      prior: relation probability before training; 0.5 leaves `b` at zero.
    """

    num_relations: int
    dim: int
    kind: ScorerKind
    prior: float

    @nn.compact
    def __call__(self, x: Float[Array, "b n d"]) -> Float[Array, "b n m r"]:
        """Logits for every (subject token, object token, relation type)."""
        hidden = (self.num_relations if self.kind == "per_relation" else 1, self.dim)
        output = self.param("output", nn.initializers.normal(self.dim**-0.5), (self.dim, self.num_relations))
        bias = self.param("bias", lambda key: self._opposing_bias(output, hidden[0]))

        def project(name: str) -> Float[Array, "b n q f"]:
            return Dense(bias.size, use_bias=False, name=name)(x).reshape(*x.shape[:2], *hidden)

        subject, object_ = project("subject") + bias[None, None], project("object")
        logits = pairwise_tanh_score(subject.transpose(0, 3, 2, 1), object_.transpose(0, 3, 2, 1), output)
        return logits.transpose(0, 2, 3, 1)

    def _opposing_bias(self, output: Float[Array, "f r"], groups: int) -> Float[Array, "q f"]:
        """b with `V . tanh(b) = logit(prior)`, the same share for every unit."""
        mean_output = output.T if groups > 1 else output.mean(1)[None]
        target = jnp.log(self.prior / (1 - self.prior)) / jnp.abs(mean_output).sum(1, keepdims=True)
        return jnp.arctanh(jnp.clip(target, -0.9, 0.9)) * jnp.sign(mean_output)


@jax.custom_vjp
def pairwise_tanh_score(
    subject: Float[Array, "b f q n"], object_: Float[Array, "b f q m"], output: Float[Array, "f r"]
) -> Float[Array, "b r n m"]:
    """`sum_f output[f, r] tanh(subject[b, f, q, n] + object_[b, f, q, m])`, scanning over f.

    Nothing of size n m r f exists in either direction, and tanh(u + w) = 1 - 2 / (1 + e^{2u} e^{2w}) needs
    exponentials of the n + m summands only. Args:
      subject, object_: q = r, or q = 1 for hidden units that all relations share. Exact to rounding while
        both lie in [-21, 21]; beyond, they are cut to it.
      output: the output weights.
    """
    return _score_forward(subject, object_, output)[0]


def _score_forward(subject: Array, object_: Array, output: Array) -> tuple[Array, tuple[Array, ...]]:
    exp_subject, exp_object = _exp_twice(subject), _exp_twice(object_)
    scores = choose(exp_subject, exp_object, output, cuda=_kernel_score, default=_score_in_turn)
    return scores, (exp_subject, exp_object, output)


def _score_in_turn(exp_subject: Array, exp_object: Array, output: Array) -> Array:
    return jax.vmap(_score_sentence, (0, 0, None))(exp_subject, exp_object, output)


def _score_sentence(
    exp_subject: Float[Array, "f q n"], exp_object: Float[Array, "f q m"], output: Float[Array, "f r"]
) -> Float[Array, "r n m"]:
    def step(logits: Array, inputs: tuple[Array, Array, Array]) -> tuple[Array, None]:
        u, w, v = inputs
        return logits + v[:, None, None] * (1 - 2 * _sigmoid_minus(u, w)), None

    zero = jnp.zeros((output.shape[1], exp_subject.shape[-1], exp_object.shape[-1]), exp_subject.dtype)
    return jax.lax.scan(step, zero, (exp_subject, exp_object, output))[0]


def _score_backward(residuals: tuple[Array, ...], d_logits: Array) -> tuple[Array, Array, Array]:
    exp_subject, exp_object, output = residuals
    arguments = (exp_subject, exp_object, d_logits, output)
    return choose(*arguments, cuda=_kernel_gradients, default=_gradients_in_turn)


def _gradients_in_turn(
    exp_subject: Array, exp_object: Array, d_logits: Array, output: Array
) -> tuple[Array, Array, Array]:
    gradients = jax.vmap(_sentence_gradients, (0, 0, 0, None))(exp_subject, exp_object, d_logits, output)
    d_subject, d_object, d_output = gradients
    return d_subject, d_object, d_output.sum(0)


def _sentence_gradients(
    exp_subject: Float[Array, "f q n"],
    exp_object: Float[Array, "f q m"],
    d_logits: Float[Array, "r n m"],
    output: Float[Array, "f r"],
) -> tuple[Float[Array, "f q n"], Float[Array, "f q m"], Float[Array, "f r"]]:
    # By products: in a loop, XLA on the CPU takes up to twenty times as long for some sums.
    sums = _shared_sums if exp_subject.shape[1] == 1 else _sums
    d_total = d_logits.sum((1, 2))

    def step(carry: None, inputs: tuple[Array, Array, Array]) -> tuple[None, tuple[Array, Array, Array]]:
        d_subject, d_object, d_sigmoid = sums(d_logits, *inputs)  # tanh = 1 - 2p, its derivative 4p (1 - p)
        return carry, (4 * d_subject, 4 * d_object, d_total - 2 * d_sigmoid)

    return jax.lax.scan(step, None, (exp_subject, exp_object, output))[1]


def _sums(
    g: Float[Array, "r n m"], u: Float[Array, "r n"], w: Float[Array, "r m"], v: Float[Array, " r"]
) -> tuple[Float[Array, "r n"], Float[Array, "r m"], Float[Array, " r"]]:
    """Of the pairs: sums of `g v p (1 - p)` over m and over n, and of `g p` over both; p = 1 / (1 + u w).

    As 1 - p = u w p and p = p² (1 + u w), all three are products of g p² with u, w and ones, so that nothing
    else of the pairs' size has to be written.
    """
    z = g * _sigmoid_minus(u, w) ** 2
    of_rows = u * jnp.einsum("rnm,rm->rn", z, w)
    columns = jnp.einsum("rkn,rnm->rkm", jnp.stack([u, jnp.ones_like(u)], 1), z)
    of_columns = w * columns[:, 0]
    return v[:, None] * of_rows, v[:, None] * of_columns, (of_columns + columns[:, 1]).sum(1)


def _shared_sums(
    g: Float[Array, "r n m"], u: Float[Array, "1 n"], w: Float[Array, "1 m"], v: Float[Array, " r"]
) -> tuple[Float[Array, "1 n"], Float[Array, "1 m"], Float[Array, " r"]]:
    """The same for a unit that all relations share. What they share is p, not g p²; so p is written."""
    p = _sigmoid_minus(u, w)
    slope = jnp.einsum("rnm,r->nm", g, v)[None] * (p * (1 - p))
    of_rows = jnp.einsum("qnm,m->qn", slope, jnp.ones_like(w[0]))
    return of_rows, slope.sum(1), jnp.einsum("rnm,rnm->r", g, jnp.broadcast_to(p, g.shape))


pairwise_tanh_score.defvjp(_score_forward, _score_backward)


def _exp_twice(x: Array) -> Array:
    return jnp.exp(2 * jnp.clip(x, -_LARGEST, _LARGEST))


def _sigmoid_minus(exp_u: Float[Array, "q n"], exp_w: Float[Array, "q m"]) -> Float[Array, "q n m"]:
    """`1 / (1 + e^{2u} e^{2w})` for every pair."""
    return 1 / (1 + exp_u[:, :, None] * exp_w[:, None, :])
