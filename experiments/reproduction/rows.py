"""The networks in the paper's tables and figures that this project trains."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

Corpus = Literal["conll04", "ade"]
Input = Literal["words", "features", "layers"]
INPUTS: Mapping[Input, str] = {
    "words": "words and characters",
    "features": "contextual features",
    "layers": "trained layers of an encoder, text between tokens",
}
"""What networks read: words and characters alone, or with features of a frozen encoder, or of a trained one.

With trained layers, the relation scorer also reads the text between two tokens, which the paper's does not.
"""


class Row(NamedTuple):
    """A network under one protocol, trained once for each seed or fold.

    Attributes:
      name: the name of the row's folder.
      label: the label in the tables; rows with equal labels differ in input or protocol.
      config: the name of a packaged config, such as "conll04".
      overrides: the fields that differ from the packaged config, by dotted name.
      input: what the network reads, a name in `INPUTS`.
    """

    name: str
    label: str
    config: str
    overrides: Mapping[str, Any] = MappingProxyType({})
    input: Input = "words"

    @property
    def features(self) -> bool:
        """Returns whether the network reads features of a frozen encoder."""
        return self.input == "features"

    @property
    def corpus(self) -> Corpus:
        """Returns the corpus that the network is trained on."""
        return "ade" if self.config in ("ade", "multihead_ade") else "conll04"


_LAYERS = {
    "encoder.trained_layers": "all",
    "model.between_dim": 32,
    "training.precision": "bfloat16",
    "data.bucket_lengths": (16, 24, 32, 40, 48, 64, 90, 120),
}


def _every_input(row: Row) -> tuple[Row, ...]:
    """Returns the row on words and characters, and the same row with each other input."""
    others = {"features": {}, "layers": _LAYERS}
    return row, *(
        row._replace(name=f"{row.name}_{name}", input=name, overrides={**row.overrides, **settings})
        for name, settings in others.items()
    )


_WITHOUT_AT = {"training.alpha": 0.0}
_TRAIN_DEV = {"training.protocol": "train+dev"}
_NO_SELF_ATTENTION = {"model.self_attention": False}
_NO_BLA = {"model.label_attention": False}

_CMAN = _every_input(Row("cman", "CMAN", "conll04"))
_BASELINE = _every_input(Row("multihead", "Multi-head + AT", "multihead_conll04"))
_ABLATIONS = (
    *_every_input(Row("no_self_attention", "− self-attention in BSA", "conll04", _NO_SELF_ATTENTION)),
    *_every_input(Row("no_bla", "− BLA unit", "conll04", _NO_BLA)),
    *_every_input(Row("no_attention", "− both units", "conll04", _NO_SELF_ATTENTION | _NO_BLA)),
    *_every_input(Row("mlp", "BiLSTM → MLP", "conll04", {"model.sequence_layer": "mlp"})),
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
        # As SpERT's folds are meant: all sentences but those of test are trained on.
        *_every_input(Row("cman_ade", "CMAN", "ade", _TRAIN_DEV)),
        *_every_input(Row("multihead_ade", "Multi-head + AT", "multihead_ade", _TRAIN_DEV)),
    ),
    "table3": _CMAN,
    "table4": (*_CMAN, *_ABLATIONS),
    "figure4": (*_CMAN, *_BASELINE),
    "figure5": (*_CMAN, *_BASELINE),
}
"""The rows of each table and figure."""


def rows_for(whats: Sequence[str], with_features: bool, inputs: Sequence[Input] = ()) -> list[Row]:
    """Returns the rows to train for some tables and figures, each once.

    Tables 1 and 2 compare rows without contextual features to rows with them. In the paper, the other tables
    and figures show CMAN with contextual features. Without features, they show rows on words and characters.

    Args:
      whats: the tables and figures, such as "table1" or "figure4".
      with_features: whether contextual features are available.
      inputs: the inputs of the rows instead; empty: the rows are chosen as above.
    """

    def is_wanted(what: str, row: Row) -> bool:
        if inputs:
            return row.input in inputs
        beside = what in ("table1", "table2") and row.input == "words"
        return beside or row.input == ("features" if with_features else "words")

    wanted = (row for what in whats for row in ROWS[what] if is_wanted(what, row))
    return list({row.name: row for row in wanted}.values())
