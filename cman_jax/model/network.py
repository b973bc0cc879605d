"""What training and inference need of a network, and the parts that CMAN and its baseline share.

The methods are the seams: `encode_inputs` ends where the perturbation of Eq. (14) acts, `encode_labels` takes
tags from the caller (gold in training, Viterbi's at inference), and neither is run again for the adversarial
pass.
"""

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Bool, Float, Int

from cman_jax.config import ModelConfig
from cman_jax.layers.dense import Dense
from cman_jax.layers.dropout import Dropout
from cman_jax.layers.scalar_mix import ScalarMix
from cman_jax.model.cross_modal import BSA
from cman_jax.model.embedding import CharacterEmbedding, WordEmbedding
from cman_jax.model.relation import RelationScorer
from cman_jax.model.tagging import TaggingPotentials
from cman_jax.types import Batch, CRFPotentials, Potentials, Sizes


class JointNetwork(nn.Module):
    """Entities and relations from one token stack; how labels reach the relations is up to the network.

    Attributes: config: the network's; sizes: what the data fix.
    """

    config: ModelConfig
    sizes: Sizes

    def setup(self) -> None:
        config, sizes = self.config, self.sizes
        self.char = CharacterEmbedding(sizes.num_chars, config.char_dim, config.char_lstm_dim)
        self.word = WordEmbedding(sizes.num_words, config.word_dim, sizes.frozen_words)
        if sizes.feature_layers:
            self.mix = ScalarMix(sizes.feature_layers)
            if config.feature_dim:
                self.feature = Dense(config.feature_dim)
        self.input_dropout = Dropout(config.input_dropout)
        unit = (config.lstm_dim, config.num_heads, config.sequence_layer, config.lstm_dropout)
        self.bsa = [BSA(*unit, attention=config.self_attention) for _ in range(config.num_bsa)]
        self.tagging = TaggingPotentials(sizes.num_tags, config.crf)
        # Without parameters where nothing reads it, as all of Linen's modules.
        self.label = nn.Embed(sizes.num_tags, config.label_dim, embedding_init=nn.initializers.normal(0.1))
        self.relation = RelationScorer(
            sizes.num_relations, config.scorer_dim, config.relation_scorer, config.relation_prior
        )

    def encode_inputs(self, batch: Batch) -> Float[Array, "b n e"]:
        """Token input `x_i = [char_i ; word_i ; ctx_i]` before dropout: what the perturbation is added to."""
        parts = [self.char(batch.char_ids)[batch.char_rows], self.word(batch.word_ids)]
        if self.sizes.feature_layers:
            mixed = self.mix(batch.features)
            parts.append(self.feature(mixed) if self.config.feature_dim else mixed)
        return jnp.concatenate(parts, -1) * batch.mask[:, :, None]

    def encode_labels(
        self, tags: Int[Array, "b n"], mask: Bool[Array, "b n"]
    ) -> tuple[Float[Array, "b n _"], ...]:
        """All that `relate` reads of the tags; empty where it reads none."""
        raise NotImplementedError

    def encode_tokens(
        self, embeddings: Float[Array, "b n e"], mask: Bool[Array, "b n"], *, train: bool
    ) -> Float[Array, "b n d"]:
        """`X^m`, Eq. (4)."""
        x = self.input_dropout(embeddings, train=train)
        for unit in self.bsa:
            x = unit(x, mask, train=train)
        return x

    def tag(self, x: Float[Array, "b n d"], mask: Bool[Array, "b n"]) -> CRFPotentials:
        """CRF potentials on `X^m`."""
        raise NotImplementedError

    def relation_tokens(
        self,
        x: Float[Array, "b n d"],
        label_states: tuple[Float[Array, "b n _"], ...],
        mask: Bool[Array, "b n"],
        *,
        train: bool,
    ) -> Float[Array, "b n _"]:
        """All that the relation scorer reads of a token, from `X^m` and the result of `encode_labels`."""
        raise NotImplementedError

    def relate(
        self,
        x: Float[Array, "b n d"],
        label_states: tuple[Float[Array, "b n _"], ...],
        mask: Bool[Array, "b n"],
        *,
        train: bool,
    ) -> Float[Array, "b n m r"]:
        """Relation logits of all pairs of tokens."""
        return self.relation(self.relation_tokens(x, label_states, mask, train=train))

    def potentials(
        self,
        embeddings: Float[Array, "b n e"],
        label_states: tuple[Float[Array, "b n _"], ...],
        mask: Bool[Array, "b n"],
        *,
        train: bool,
    ) -> Potentials:
        """Everything after the token input, for labels that are known beforehand."""
        x = self.encode_tokens(embeddings, mask, train=train)
        return Potentials(self.tag(x, mask), self.relate(x, label_states, mask, train=train))

    def __call__(self, batch: Batch, tags: Int[Array, "b n"], *, train: bool) -> Potentials:
        """All of it; the labels are `tags`."""
        embeddings = self.encode_inputs(batch)
        label_states = self.encode_labels(tags, batch.mask)
        return self.potentials(embeddings, label_states, batch.mask, train=train)
