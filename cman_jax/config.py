"""Every setting of an experiment, once: nested dataclasses with the paper's values as defaults.

The files of `cman_jax/configs/` return a `Config`; the commands override single fields
(`--config.model.num_heads=4`); a training run stores its config as `config.json`. Sections in comments are
those of the paper.
"""

import dataclasses
import typing
from collections.abc import Iterator, Sequence
from typing import Any, Literal

NetworkKind = Literal["cman", "multihead"]
CRFKind = Literal["pairwise", "factored"]
ScorerKind = Literal["per_relation", "shared"]
SequenceLayerKind = Literal["bilstm", "mlp"]
Anchor = Literal["last", "any"]
Protocol = Literal["dev", "train+dev"]
Precision = Literal["float32", "bfloat16", "auto"]


def _one_of(choices: Any) -> Any:
    """Returns a text field with a Literal's choices, the first by default; config flags know no Literals."""
    names = typing.get_args(choices)
    return dataclasses.field(default=names[0], metadata={"choices": names})


@dataclasses.dataclass(slots=True, unsafe_hash=True)
class ModelConfig:
    """The network. Hashed by value, so that equal networks share compiled programs; `System` keeps a copy."""

    network: str = _one_of(NetworkKind)  # "cman": CMAN; "multihead": the baseline of Bekoulis et al. (2018)
    char_dim: int = 128  # width of a character's vector, §4.1
    char_lstm_dim: int = 64  # units per direction of the character BiLSTM; both directions make char_i, §3.1
    word_dim: int = 50  # width of the word vectors if they are trained, without a file of pretrained ones
    feature_dim: int = 0  # width that contextual features are projected to; 0: not projected
    label_dim: int = 25  # d_l, width of a label's vector, §4.1; 0, in multihead only: no labels
    lstm_dim: int = 128  # d, units per direction of every other BiLSTM, §4.1
    num_heads: int = 8  # z, heads of an attention, Eq. 2; the paper does not give it
    num_bsa: int = 2  # m, layers of the token stack, Eq. 4, §4.1
    scorer_dim: int = 128  # width of the relation scorer's hidden layer, Eq. 9, and of multihead's tag layer
    crf: str = _one_of(CRFKind)  # "pairwise": Eq. 8 as printed; "factored": emission + transition scores
    relation_scorer: str = _one_of(ScorerKind)  # "per_relation": U_k, W_k, b_k, Eq. 9; "shared": one for all
    null_relation: bool = True  # adds the class 'N': a token that is not a subject points at itself
    init: str = _one_of(Literal["own", "glorot"])  # initial values; "glorot": uniform, as in TensorFlow 1
    relation_prior: float = 0.01  # probability of a relation that the scorer starts from; 0.5: no prior
    between_dim: int = 0  # sums by which relations read distance and text between tokens; the paper has none
    input_dropout: float = 0.2  # dropout rate on the token input, §4.1
    word_dropout: float = 0.0  # share of tokens whose token input is zero in training; the paper has none
    lstm_dropout: float = 0.1  # dropout rate on every BiLSTM output; 0.1 on CoNLL04, 0.3 on ADE, §4.1
    self_attention: bool = True  # False: "- self-attention in BSA", Table 4: the stack has BiLSTMs only
    label_attention: bool = True  # False: "- BLA unit", Table 4, and in multihead
    sequence_layer: str = _one_of(SequenceLayerKind)  # "mlp": "replace BiLSTM with MLP", Table 4


@dataclasses.dataclass(slots=True)
class DataConfig:
    """Vocabulary and batch shapes."""

    bucket_lengths: tuple[int, ...] = (16, 32, 44, 64, 120)  # tokens that sentences are padded to
    char_lengths: tuple[int, ...] = (5, 10, 32)  # characters that words are padded to; longer words have more
    char_shares: tuple[float, ...] = (0.36, 0.3, 0.1)  # room for words of each length, as a share of tokens
    extra_words: int = 50_000  # most frequent words of the vector file, kept besides the corpus' own words
    piece_ratio: float = 1.25  # word pieces per token that batches have room for, if encoders are trained
    min_word_count: int = 2  # rarer training words share one vector, if word vectors are trained


@dataclasses.dataclass(slots=True)
class TrainingConfig:
    """Optimisation, §3.5 and §4.1."""

    num_epochs: int = 180  # passes over the training sentences
    batch_size: int = 8  # sentences per step; the paper does not give it
    learning_rate: float = 5e-4  # of Adam; the paper has no schedule
    final_rate: float = 1.0  # share of the learning rate at the end of a linear decay; 1: constant rate
    max_skipped_updates: int = 10  # per epoch, where a loss or gradient is not finite; more: an error
    clip_norm: float = 0.0  # largest global gradient norm; longer gradients are scaled down; 0: any norm
    alpha: float = 0.01  # radius of the perturbation, epsilon = alpha sqrt(e), Eq. 14; 0: no adversarial pass
    positive_weight: float = 1.0  # weight of gold relations in the relation loss; the paper has none
    relation_smoothing: float = 0.0  # moves targets 1 and 0 of relations by half as much; the paper: none
    precision: str = _one_of(Precision)  # of products with weights; "auto": bfloat16 where devices have it
    protocol: str = _one_of(Protocol)  # "dev": best epoch on dev; "train+dev": trains on both, last epoch
    seed: int = 0  # of the initial values, of which sentences share a batch, and of dropout

    @property
    def trained_splits(self) -> tuple[str, ...]:
        """Returns the names of the splits that the protocol trains on."""
        return ("train", "dev") if self.protocol == "train+dev" else ("train",)


@dataclasses.dataclass(slots=True)
class EncoderConfig:
    """Training of a pretrained encoder's layers, which the paper leaves frozen."""

    trained_layers: str = "0"  # "all", or how many of the last layers are trained; "0": the encoder is frozen
    learning_rate: float = 5e-5  # of the last layer, after the warm-up; falls to 0 at the end
    warmup: float = 0.1  # share of all steps in which the learning rate rises from 0
    layer_decay: float = 0.9  # a layer's learning rate as a share of that of the layer above
    weight_decay: float = 0.01  # what each step takes from matrices, in learning rates times the weights
    clip_norm: float = 1.0  # largest norm of the gradient of all trained layers; 0: any norm
    dropout: float = 0.1  # dropout rate on the outputs of attention and feed-forward layers
    remat: bool = False  # computes activations again in the backward pass, which saves memory and costs time

    @property
    def frozen(self) -> bool:
        """Whether no layer is trained."""
        return self.trained_layers == "0"

    def num_trained(self, num_layers: int) -> int:
        """Returns how many layers are trained of an encoder with this many."""
        return num_layers if self.trained_layers == "all" else int(self.trained_layers)


@dataclasses.dataclass(slots=True)
class DecodingConfig:
    """Prediction, from sentences to triples."""

    threshold: float = 0.5  # keep relations above this probability
    relation_thresholds: tuple[float, ...] = ()  # of each relation type, in the run's order; (): threshold
    anchor: str = _one_of(Anchor)  # "last": at the arguments' last tokens; "any": at any of their tokens
    bio_constraints: bool = False  # forbid ill-formed tag sequences; the paper allows them
    constraints: str = "none"  # pairs of entity types: "none" (all), "learned", or a file, kept in the run
    precision: str = _one_of(Precision)  # of products with weights, as in training

    def thresholds(self, relation_types: Sequence[str]) -> dict[str, float]:
        """Returns the threshold of each relation type.

        Args:
          relation_types: the types, in the order of the run's vocabularies.
        """
        values = self.relation_thresholds or (self.threshold,) * len(relation_types)
        return dict(zip(relation_types, values, strict=True))


@dataclasses.dataclass(slots=True)
class ScoringConfig:
    """The convention that progress lines, tables and the choice of the best epoch use."""

    match: str = _one_of(Literal["strict", "boundaries"])  # "boundaries": entity types are ignored
    average: str = _one_of(Literal["micro", "macro"])  # "micro": over all facts; "macro": mean of the types
    other: bool = True  # whether entities of type Other count
    overlap: str = _one_of(Literal["keep", "drop"])  # "drop": SpERT's rule for ADE

    @property
    def convention(self) -> dict[str, Any]:
        """Returns the arguments that choose one F1 or one table among all scores."""
        return {"match": self.match, "average": self.average, "other": self.other}


@dataclasses.dataclass(slots=True)
class Config:
    """One experiment."""

    model: ModelConfig = dataclasses.field(default_factory=ModelConfig)
    data: DataConfig = dataclasses.field(default_factory=DataConfig)
    training: TrainingConfig = dataclasses.field(default_factory=TrainingConfig)
    encoder: EncoderConfig = dataclasses.field(default_factory=EncoderConfig)
    decoding: DecodingConfig = dataclasses.field(default_factory=DecodingConfig)
    scoring: ScoringConfig = dataclasses.field(default_factory=ScoringConfig)

    @property
    def constant_rate(self) -> bool:
        """Whether the learning rate is the same in all steps; that of an encoder's layers never is."""
        return self.training.final_rate == 1 and self.encoder.frozen


def to_dict(config: Config) -> dict[str, dict[str, Any]]:
    """Returns the config as nested dictionaries that are ready for JSON.

    `config_checks.from_dict` is the inverse.
    """
    return dataclasses.asdict(config)


def differences(before: Config, after: Config) -> Iterator[tuple[str, Any, Any]]:
    """Yields the dotted name and both values of every field in which two configs differ."""
    there, here = to_dict(before), to_dict(after)
    for section, fields in here.items():
        for name, value in fields.items():
            if there[section][name] != value:
                yield f"{section}.{name}", there[section][name], value
