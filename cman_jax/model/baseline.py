"""The baseline of Tables 1 and 2, "Multi-head + AT": multi-head selection (Bekoulis et al., 2018a) with
adversarial training (2018b), as in github.com/bekou/multihead_joint_entity_relation_extraction.
"""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from cman_jax.layers.dense import Dense
from cman_jax.model.network import JointNetwork
from cman_jax.types import CRFPotentials


class MultiHead(JointNetwork):
    """Stacked BiLSTMs `h`, a CRF on a tanh layer, and relations from `z_i = [h_i ; E_label[tag_i]]`.

    It is that with `self_attention` off, which leaves BiLSTMs with dropout after each, a "factored" `crf`
    and a "shared" `relation_scorer`. `label_dim` 0 leaves labels out, as the released settings for CoNLL04
    do (those for DREC have 25). Neither hidden layer has dropout, as there.

    Differs from the released code: in where it starts, see `RelationScorer` and `BiLSTM` (that code draws
    nearly everything Glorot-uniform); the chain has scores for its first and last tag.
    """

    def setup(self) -> None:
        super().setup()
        self.tag_layer = Dense(self.config.scorer_dim)

    def encode_labels(
        self, tags: Int[Array, "b n"], mask: Bool[Array, "b n"]
    ) -> tuple[Float[Array, "b n _"], ...]:
        """`E_label[tag]`, zero at padding; empty where labels are left out."""
        return (self.label(tags) * mask[:, :, None],) if self.config.label_dim else ()

    def tag(self, x: Float[Array, "b n d"], mask: Bool[Array, "b n"]) -> CRFPotentials:
        """CRF potentials on `tanh(U h_i + b)`."""
        return self.tagging(jnp.tanh(self.tag_layer(x)), mask)

    def relation_tokens(
        self,
        x: Float[Array, "b n d"],
        label_states: tuple[Float[Array, "b n _"], ...],
        mask: Bool[Array, "b n"],
        *,
        train: bool,
    ) -> Float[Array, "b n _"]:
        """`z`."""
        del mask, train
        return jnp.concatenate([x, *label_states], -1)
