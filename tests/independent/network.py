"""CMAN for one sentence without padding, equation by equation; layers.py explains "independent".

The first names in the tree of parameters are these. `char`, `word` and, with contextual features, `mix` and
`feature` make the token input. `bsa_0`, `bsa_1`, ... are the token stack, and `tagging` is the chain. `label`
is the label table; `bla_0`, `fusion` and `bla_1` are the cross-modal stack. `relation` is the scorer. Parts
that an ablation removes are not in the tree.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from cman_jax.config import ModelConfig
from cman_jax.data.batching import Example
from tests.independent.layers import Array, Params, Spelled, attention, characters, encoder, layer_norm

_LONGEST_WORD = 16  # characters, in the generated corpus


class Tokens(NamedTuple):
    """The network's input for one sentence."""

    word_ids: Array  # [n]
    spelled: Spelled
    features: Array  # [l n d] of a frozen encoder; none: l = 0

    @classmethod
    def of(cls, example: Example) -> "Tokens":
        """Returns the input of a sentence in ids."""
        spelled = Spelled.of(example.spellings, _LONGEST_WORD)
        return cls(example.word_ids, spelled, np.asarray(example.features, np.float64))


class Chain(NamedTuple):
    """The log potentials of a linear chain, Eq. (8)."""

    initial: Array  # [t] of the first token's tag
    pairwise: Array  # [n t t], tag before and tag; [0] is not read


def token_input(params: Params, tokens: Tokens) -> Array:
    """Returns `x_i = [char_i ; word_i ; ctx_i]`.

    `ctx_i = γ Σ_l softmax(w)_l h_l`, projected by `feature`.
    """
    parts = [characters(params["char"], tokens.spelled)]
    parts.append(params["word"]["words"]["embedding"][tokens.word_ids])
    if "mix" in params:
        weights = jnp.exp(params["mix"]["weights"])
        shares = params["mix"]["gamma"] * weights / weights.sum()
        mixed = sum(share * layer for share, layer in zip(shares, tokens.features, strict=True))
        if "feature" in params:
            mixed = mixed @ params["feature"]["kernel"] + params["feature"]["bias"]
        parts.append(mixed)
    return jnp.concatenate(parts, 1)


def token_stack(params: Params, config: ModelConfig, x: Array) -> Array:
    """Returns `X^m`, Eq. (4).

    The units are BSA units, or only their BiLSTMs if self-attention is ablated.
    """
    for i in range(config.num_bsa):
        unit = params[f"bsa_{i}"]
        x = encoder(unit["encoder"], x)
        if config.self_attention:
            x = layer_norm(unit["norm"], x + attention(unit["attention"], config.num_heads, x, x))
    return x


def chain(params: Params, config: ModelConfig, x: Array) -> Chain:
    """Returns the chain of Eq. (8) as printed, or of emissions and transitions.

    The row before the rows of all tags belongs to the start symbol.
    """
    params = params["tagging"]
    if config.crf == "pairwise":
        num_tags = round((0.25 + params["scores"]["bias"].size) ** 0.5 - 0.5)
        scores = x @ params["scores"]["kernel"] + params["scores"]["bias"]
        scores = scores.reshape(len(x), num_tags + 1, num_tags)
        return Chain(scores[0, 0], scores[:, 1:])
    emissions = x @ params["emissions"]["kernel"] + params["emissions"]["bias"]
    emissions = emissions.at[-1].add(params["end"])
    return Chain(emissions[0] + params["start"], emissions[:, None, :] + params["transitions"])


def cross_modal(params: Params, config: ModelConfig, x: Array, tags: Array) -> Array:
    """Returns `X~3` from `X^m` and tags, Eqs. (5) to (7); `X^m` itself if BLA is ablated."""
    if not config.label_attention:
        return x
    labels = params["label"]["embedding"][tags]

    def bla(unit: Params, x: Array) -> Array:
        memory = encoder(unit["label_encoder"], labels)
        return layer_norm(unit["norm"], x + attention(unit["attention"], config.num_heads, x, memory))

    first = bla(params["bla_0"], x)
    second = encoder(params["fusion"], jnp.concatenate([x, first], 1))
    return bla(params["bla_1"], second)


def summands(params: Params, x: Array) -> tuple[Array, Array]:
    """Returns `U_k x_i + b_k` and `W_k x_j`: [n q f] each; q is 1 if all relations share them.

    Reads `subject.kernel` and `object.kernel` [d q f], flattened, and `bias` [q f].
    """
    bias = params["relation"]["bias"]
    u, w = (
        (x @ params["relation"][name]["kernel"]).reshape(len(x), *bias.shape)
        for name in ("subject", "object")
    )
    return u + bias, w


def relation_logits(params: Params, x: Array) -> Array:
    """Returns `s(i, j, k) = V_k . tanh(U_k x_i + W_k x_j + b_k)`, Eq. (9): [n n r].

    Reads `output` [f r] besides.
    """
    u, w = summands(params, x)
    hidden = jnp.tanh(u[:, None] + w[None])  # [n n q f]
    output = params["relation"]["output"].T
    return jnp.stack([hidden[:, :, k % hidden.shape[2]] @ v for k, v in enumerate(output)], 2)


def potentials(params: Params, config: ModelConfig, x: Array, tags: Array) -> tuple[Chain, Array]:
    """Returns the chain and the relation logits, from the token input and the tags that relations read."""
    states = token_stack(params, config, x)
    third = cross_modal(params, config, states, tags)
    return chain(params, config, states), relation_logits(params, third)
