"""CMAN, the whole network (§3): token stack, CRF, cross-modal stack and relation scorer."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from cman_jax.layers.dropout import Dropout
from cman_jax.model.cross_modal import BLA, SequenceLayer
from cman_jax.model.network import JointNetwork
from cman_jax.types import CRFPotentials


class CMAN(JointNetwork):
    """The Cross-Modal Attention Network, in which the relations read the labels through attention (§3.3)."""

    def setup(self) -> None:
        super().setup()
        config = self.config
        if config.label_attention:
            unit = (config.lstm_dim, config.num_heads, config.sequence_layer, config.lstm_dropout)
            self.bla = [BLA(*unit) for _ in range(2)]
            self.fusion = SequenceLayer(config.lstm_dim, config.sequence_layer)
            self.fusion_dropout = Dropout(config.lstm_dropout)

    def encode_labels(
        self, tags: Int[Array, "b n"], mask: Bool[Array, "b n"]
    ) -> tuple[Float[Array, "b n d"], ...]:
        """Returns the label states `L~` of both BLA units; the tuple is empty if BLA is ablated.

        The two units share the label embeddings and have separate BiLSTMs.
        """
        if not self.config.label_attention:
            return ()
        labels = self.label(tags) * mask[:, :, None]
        return tuple(unit.encode_labels(labels, mask) for unit in self.bla)

    def tag(self, x: Float[Array, "b n d"], mask: Bool[Array, "b n"]) -> CRFPotentials:
        """Returns CRF potentials, in nats, computed from `X^m`, Eq. (8)."""
        return self.tagging(x, mask)

    def labelled_tokens(
        self,
        x: Float[Array, "b n d"],
        label_states: tuple[Float[Array, "b n d"], ...],
        mask: Bool[Array, "b n"],
        *,
        train: bool,
    ) -> Float[Array, "b n d"]:
        """Returns the tokens after both BLA units, Eqs. (5) to (7); without BLA, returns `X^m`."""
        if self.config.label_attention:
            first = self.bla[0](x, label_states[0], mask, train=train)
            fused = self.fusion(jnp.concatenate([x, first], -1), mask)
            fused = self.fusion_dropout(fused, train=train)
            x = self.bla[1](fused, label_states[1], mask, train=train)
        return x
