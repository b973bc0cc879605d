"""The baseline of Tables 1 and 2, "Multi-head + AT".

It is multi-head selection (Bekoulis et al., 2018a) with adversarial training (2018b).
Source: github.com/bekou/multihead_joint_entity_relation_extraction.
"""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from cman_jax.layers.dense import Dense
from cman_jax.model.network import JointNetwork
from cman_jax.types import CRFPotentials


class MultiHead(JointNetwork):
    """Stacked BiLSTMs `h`, a CRF on a tanh layer, and relations from `z_i = [h_i ; E_label[tag_i]]`.

    The network is the paper's baseline if the config has `self_attention` off, a "factored" `crf` and a
    "shared" `relation_scorer`. Without self-attention, BiLSTMs with dropout after each remain. `label_dim` 0
    omits labels, as in the released settings for CoNLL04. The released settings for DREC have 25. As in the
    released code, neither hidden layer has dropout.

    Differs from the released code: parameters start as in `RelationScorer` and `BiLSTM`, whereas that code
    draws nearly all parameters Glorot-uniform. The chain has scores for its first and last tag.
    """

    def setup(self) -> None:
        super().setup()
        self.tag_layer = Dense(self.config.scorer_dim)

    def encode_labels(
        self, tags: Int[Array, "b n"], mask: Bool[Array, "b n"]
    ) -> tuple[Float[Array, "b n _"], ...]:
        """Returns the label embeddings `E_label[tag]`, zero at padding; the tuple is empty without labels."""
        return (self.label(tags) * mask[:, :, None],) if self.config.label_dim else ()

    def tag(self, x: Float[Array, "b n d"], mask: Bool[Array, "b n"]) -> CRFPotentials:
        """Returns CRF potentials, in nats, computed from `tanh(U h_i + b)`."""
        return self.tagging(jnp.tanh(self.tag_layer(x)), mask)

    def labelled_tokens(
        self,
        x: Float[Array, "b n d"],
        label_states: tuple[Float[Array, "b n _"], ...],
        mask: Bool[Array, "b n"],
        *,
        train: bool,
    ) -> Float[Array, "b n _"]:
        """Returns `z`, the concatenation of BiLSTM states and label embeddings."""
        del mask, train
        return jnp.concatenate([x, *label_states], -1)
