"""The interface of a network for training and inference, and the parts that CMAN and its baseline share.

The methods divide the network at the places that training and inference need. `encode_inputs` ends at the
place of the perturbation of Eq. (14). `encode_labels` takes tags from the caller: gold tags in training, the
tags of Viterbi at inference. Neither method runs again for the adversarial pass.
"""

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Bool, Float, Int

from cman_jax.config import ModelConfig
from cman_jax.encoders.bert.upper import Upper, UpperLayers
from cman_jax.encoders.pooling import pool_batch
from cman_jax.layers.dense import Dense
from cman_jax.layers.dropout import Dropout, WordDropout
from cman_jax.layers.scalar_mix import ScalarMix
from cman_jax.model.between import RunningSums
from cman_jax.model.cross_modal import BSA
from cman_jax.model.embedding import CharacterEmbedding, WordEmbedding
from cman_jax.model.relation import RelationScorer
from cman_jax.model.tagging import TaggingPotentials
from cman_jax.types import Batch, CRFPotentials, Potentials, Sizes


class JointNetwork(nn.Module):
    """A network that scores entities and relations from one token stack.

    Subclasses define how the relations read the labels.

    Attributes:
      config: the hyperparameters of the network.
      sizes: the sizes that follow from the data.
      upper: the trained layers of a pretrained encoder; None: encoders stay frozen.
    """

    config: ModelConfig
    sizes: Sizes
    upper: Upper | None = None

    def setup(self) -> None:
        config, sizes = self.config, self.sizes
        self.char = CharacterEmbedding(sizes.num_chars, config.char_dim, config.char_lstm_dim)
        self.word = WordEmbedding(sizes.num_words, config.word_dim, sizes.frozen_words)
        if sizes.feature_layers:
            self.mix = ScalarMix(sizes.feature_layers + (self.upper.num_layers if self.upper else 0))
            if config.feature_dim:
                self.feature = Dense(config.feature_dim)
            if self.upper:
                self.encoder = UpperLayers(self.upper)
        self.input_dropout = Dropout(config.input_dropout)
        self.word_dropout = WordDropout(config.word_dropout)
        unit = (config.lstm_dim, config.num_heads, config.sequence_layer, config.lstm_dropout)
        self.bsa = [BSA(*unit, attention=config.self_attention) for _ in range(config.num_bsa)]
        self.tagging = TaggingPotentials(sizes.num_tags, config.crf)
        # Linen creates the parameters only if the network uses the module.
        self.label = nn.Embed(sizes.num_tags, config.label_dim, embedding_init=nn.initializers.normal(0.1))
        self.relation = RelationScorer(
            *(sizes.num_relations, config.scorer_dim, config.relation_scorer, config.relation_prior),
            num_sums=config.between_dim,
        )
        if config.between_dim:
            self.between = RunningSums(config.between_dim)

    def encode_inputs(self, batch: Batch, *, train: bool = False) -> Float[Array, "b n e"]:
        """Returns the token input `x_i = [char_i ; word_i ; ctx_i]` before dropout, and zeros at padding.

        The adversarial perturbation is added to this input.

        Args:
          batch: the sentences.
          train: whether dropout is active in the trained layers of an encoder.
        """
        parts = [self.char(batch.char_ids)[batch.char_rows], self.word(batch.word_ids)]
        if self.sizes.feature_layers:
            mixed = self.mix(batch.features)
            if self.upper:
                # The mix is a sum over layers, so that only its result is pooled.
                states = self.encoder(batch.pieces.states.astype(mixed.dtype), batch.pieces.mask, train=train)
                upper = self.mix(states, first=self.sizes.feature_layers)
                mixed = mixed + pool_batch(upper, batch.pieces, batch.mask.shape)
            parts.append(self.feature(mixed) if self.config.feature_dim else mixed)
        return jnp.concatenate(parts, -1) * batch.mask[:, :, None]

    def encode_labels(
        self, tags: Int[Array, "b n"], mask: Bool[Array, "b n"]
    ) -> tuple[Float[Array, "b n _"], ...]:
        """Returns everything that `relate` reads of the tags; the tuple is empty if `relate` reads no tags.

        Args:
          tags: tag ids, from the gold annotation or from `viterbi`.
          mask: True at real tokens, which come before all padding.
        """
        raise NotImplementedError

    def encode_tokens(
        self, embeddings: Float[Array, "b n e"], mask: Bool[Array, "b n"], *, train: bool
    ) -> Float[Array, "b n d"]:
        """Returns the token states `X^m`, Eq. (4).

        Args:
          embeddings: the token input, optionally perturbed.
          mask: True at real tokens, which come before all padding.
          train: whether dropout is active.
        """
        x = self.word_dropout(self.input_dropout(embeddings, train=train), train=train)
        for unit in self.bsa:
            x = unit(x, mask, train=train)
        return x

    def tag(self, x: Float[Array, "b n d"], mask: Bool[Array, "b n"]) -> CRFPotentials:
        """Returns CRF potentials, in nats, computed from `X^m`.

        Args:
          x: the token states `X^m`.
          mask: True at real tokens, which come before all padding.
        """
        raise NotImplementedError

    def labelled_tokens(
        self,
        x: Float[Array, "b n d"],
        label_states: tuple[Float[Array, "b n _"], ...],
        mask: Bool[Array, "b n"],
        *,
        train: bool,
    ) -> Float[Array, "b n _"]:
        """Returns the token states after they have read the labels.

        Args:
          x: the token states `X^m`.
          label_states: the result of `encode_labels`.
          mask: True at real tokens, which come before all padding.
          train: whether dropout is active.
        """
        raise NotImplementedError

    def relation_tokens(
        self,
        x: Float[Array, "b n d"],
        label_states: tuple[Float[Array, "b n _"], ...],
        mask: Bool[Array, "b n"],
        *,
        train: bool,
    ) -> Float[Array, "b n _"]:
        """Returns all that the relation scorer reads of a token; see `labelled_tokens` for the arguments."""
        tokens = self.labelled_tokens(x, label_states, mask, train=train)
        parts = [tokens, self.between(tokens, mask)] if self.config.between_dim else [tokens]
        return jnp.concatenate(parts, -1)

    def relate(
        self,
        x: Float[Array, "b n d"],
        label_states: tuple[Float[Array, "b n _"], ...],
        mask: Bool[Array, "b n"],
        *,
        train: bool,
    ) -> Float[Array, "b n m r"]:
        """Returns the relation logits of all pairs of tokens; see `labelled_tokens` for the arguments."""
        return self.relation(self.relation_tokens(x, label_states, mask, train=train))

    def potentials(
        self,
        embeddings: Float[Array, "b n e"],
        label_states: tuple[Float[Array, "b n _"], ...],
        mask: Bool[Array, "b n"],
        *,
        train: bool,
    ) -> Potentials:
        """Returns all scores, for labels that do not depend on the tagging.

        Args:
          embeddings: the token input, optionally perturbed.
          label_states: the result of `encode_labels`.
          mask: True at real tokens, which come before all padding.
          train: whether dropout is active.
        """
        x = self.encode_tokens(embeddings, mask, train=train)
        return Potentials(self.tag(x, mask), self.relate(x, label_states, mask, train=train))

    def __call__(self, batch: Batch, tags: Int[Array, "b n"], *, train: bool) -> Potentials:
        """Returns all scores of a batch.

        Args:
          batch: the sentences.
          tags: the tags that become labels.
          train: whether dropout is active.
        """
        embeddings = self.encode_inputs(batch, train=train)
        label_states = self.encode_labels(tags, batch.mask)
        return self.potentials(embeddings, label_states, batch.mask, train=train)
