"""The networks that stand in the paper's tables and figures, ours beside theirs."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

Corpus = Literal["conll04", "ade"]


class Row(NamedTuple):
    """A network under one protocol, to be trained once for each seed or fold."""

    name: str  # of its folder
    label: str  # as printed; rows of equal labels differ in input or protocol
    config: str  # which of cman_jax.configs
    overrides: Mapping[str, Any] = MappingProxyType({})  # fields of it by dotted name
    features: bool = False  # reads contextual features beside words and characters

    @property
    def corpus(self) -> Corpus:
        """What it is trained on."""
        return "ade" if self.config in ("ade", "multihead_ade") else "conll04"


def _both_inputs(row: Row) -> tuple[Row, Row]:
    """On words and characters, and the same with contextual features."""
    return row, row._replace(name=f"{row.name}_features", features=True)


_WITHOUT_AT = {"training.alpha": 0.0}
_TRAIN_DEV = {"training.protocol": "train+dev"}
_NO_SELF_ATTENTION = {"model.self_attention": False}
_NO_BLA = {"model.label_attention": False}

_CMAN = _both_inputs(Row("cman", "CMAN", "conll04"))
_BASELINE = _both_inputs(Row("multihead", "Multi-head + AT", "multihead_conll04"))
_ABLATIONS = (
    *_both_inputs(Row("no_self_attention", "− self-attention in BSA", "conll04", _NO_SELF_ATTENTION)),
    *_both_inputs(Row("no_bla", "− BLA unit", "conll04", _NO_BLA)),
    *_both_inputs(Row("no_attention", "− both units", "conll04", _NO_SELF_ATTENTION | _NO_BLA)),
    *_both_inputs(Row("mlp", "BiLSTM → MLP", "conll04", {"model.sequence_layer": "mlp"})),
)

ROWS: Mapping[str, tuple[Row, ...]] = {
    "table1": (
        *_CMAN,
        Row("cman_without_at", "CMAN − AT", "conll04", _WITHOUT_AT),
        *_BASELINE,
        Row("multihead_train_dev", "Multi-head + AT", "multihead_conll04", _TRAIN_DEV),
        Row("multihead_without_at", "Multi-head", "multihead_conll04", _WITHOUT_AT | _TRAIN_DEV),
    ),
    "table2": (
        *_both_inputs(Row("cman_ade", "CMAN", "ade")),
        Row("multihead_ade", "Multi-head + AT", "multihead_ade"),
    ),
    "table3": _CMAN,
    "table4": (*_CMAN, *_ABLATIONS),
    "figure4": (*_CMAN, *_BASELINE),
    "figure5": (*_CMAN, *_BASELINE),
}
"""What each of them needs."""


def rows_for(whats: Sequence[str], with_features: bool) -> list[Row]:
    """The rows to train for those tables and figures, each once.

    Tables 1 and 2 set words alone beside contextual features; the others are of CMAN with features in the
    paper, and words stand in for them only where there are none.
    """
    wanted = (
        row
        for what in whats
        for row in ROWS[what]
        if row.features == with_features or (what in ("table1", "table2") and not row.features)
    )
    return list({row.name: row for row in wanted}.values())
