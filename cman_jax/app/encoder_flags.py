"""The flags of contextual features: which pretrained encoder, and a store of what it computed."""

from collections.abc import Sequence
from pathlib import Path

from absl import flags

from cman_jax.app.flags import refuse_unread
from cman_jax.config import EncoderConfig
from cman_jax.encoders.encoder import Encoder
from cman_jax.encoders.load import is_package, load_encoder
from cman_jax.encoders.of_run import load_lower
from cman_jax.encoders.store.allennlp import AllenNLPFeatures
from cman_jax.encoders.store.cache import FeatureCache
from cman_jax.encoders.store.fill import add_features
from cman_jax.encoders.store.source import FeatureSource
from cman_jax.errors import InputError
from cman_jax.run.system import load_config, load_encoder_spec
from cman_jax.types import EncoderSpec, Sentence

_ENCODER = flags.DEFINE_string(
    "encoder",
    None,
    "Pretrained encoder of contextual features: minilm or mpnet, if its package is installed, or a folder: "
    "config.json, model.safetensors and tokenizer.json of BERT's family, or ELMo's options.json and "
    "weights.hdf5. A trained network needs the encoder that it was trained with, and finds an installed "
    "package by itself. A word's vector is the mean over its pieces, or with :first behind the name that of "
    "its first piece.",
)
_FEATURES = flags.DEFINE_string(
    "features",
    None,
    "Contextual features that are computed already: the cache that data_prep.features wrote, or the HDF5 "
    "file of `allennlp elmo --all`. In training with --encoder: the cache to add to, by default "
    "WORKDIR/features.",
)


def wants_features() -> bool:
    """Returns whether the command line asks for contextual features."""
    return bool(_ENCODER.value or _FEATURES.value)


def encoder_name() -> str | None:
    """Returns the name or folder of the encoder that the command line gives."""
    return _ENCODER.value


def encoder_for_training(
    sentences: Sequence[Sentence], workdir: Path, config: EncoderConfig
) -> Encoder | None:
    """Returns the frozen layers of --encoder if its other layers are trained, else `features_for_training`.

    Raises:
      InputError: as `features_for_training`, or the layers of the encoder cannot be trained.
    """
    if config.frozen:
        return features_for_training(sentences, workdir)
    refuse_unread([_FEATURES.name], "no stored features, because layers of the encoder are trained")
    if not _ENCODER.value:
        found = f"trained_layers {config.trained_layers} without --encoder"
        raise InputError("config.encoder", None, found, "the --encoder whose layers are trained, or 0")
    return load_lower(_ENCODER.value, config)


def features_for_training(sentences: Sequence[Sentence], workdir: Path) -> FeatureSource | None:
    """Returns the features of all sentences, which are computed now with --encoder; None without both flags.

    Raises:
      InputError: a sentence is not in --features, or the encoder's files are missing or damaged.
    """
    if _ENCODER.value:
        cache = Path(_FEATURES.value or workdir / "features")
        print(add_features(load_encoder(_ENCODER.value), sentences, cache), flush=True)
        return FeatureCache.open(cache)
    if not _FEATURES.value:
        return None
    source = _open_features(_FEATURES.value)
    source.check(sentences)
    return source


def encoder_for_prediction(workdir: Path) -> Encoder | None:
    """Returns what computes the features that a run reads; see `encoders_for_prediction`."""
    (encoder,) = encoders_for_prediction(workdir)
    return encoder


def encoders_for_prediction(*workdirs: Path) -> list[Encoder | None]:
    """Returns what computes the features that each run reads: --features, --encoder, or the run's package.

    A run that has trained layers of its encoder keeps the encoder itself; it gets None here.

    Raises:
      InputError: a directory holds no run, the encoder's files are missing or damaged, or a flag is given
        that no run reads.
    """
    tuned = [not load_config(workdir).encoder.frozen for workdir in workdirs]
    specs = [None if own else load_encoder_spec(each) for each, own in zip(workdirs, tuned, strict=True)]
    if not any(specs):
        why = "the run keeps its own encoder" if any(tuned) else "the run reads no contextual features"
        refuse_unread([_FEATURES.name, _ENCODER.name], f"none of them, because {why}")
        return [None for _ in specs]
    if _FEATURES.value:
        refuse_unread([_ENCODER.name], "either the encoder or --features, which replace it")
        source = _open_features(_FEATURES.value)
        return [None if spec is None else source for spec in specs]
    given = load_encoder(_ENCODER.value) if _ENCODER.value else None
    return [None if spec is None else _encoder(spec, given, len(specs)) for spec in specs]


def _encoder(spec: EncoderSpec, given: Encoder | None, num_runs: int) -> Encoder:
    """Returns the given encoder, or the run's package where another run reads the given one."""
    if given is not None and (num_runs == 1 or given.spec == spec or not is_package(spec.name)):
        return given
    if not is_package(spec.name):
        raise InputError(
            "flags", None, f"a run that reads features of {spec.name}", "its folder as --encoder=FOLDER"
        )
    return load_encoder(spec.name)


def _open_features(path: str) -> FeatureSource:
    """Opens a store of features: a directory is a cache of this project, a file is AllenNLP's.

    All values of a cache are compared with their checksums, which reads them once.

    Raises:
      InputError: the store does not exist, or is damaged.
    """
    if not Path(path).exists():
        raise InputError(path, None, "no such file", "a cache of features, or AllenNLP's HDF5 file")
    if not Path(path).is_dir():
        return AllenNLPFeatures(path)
    cache = FeatureCache.open(path)
    cache.verify()
    return cache
