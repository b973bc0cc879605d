"""Contextual features, as every program asks for them: which encoder, its files, a cache of what it gave."""

from collections.abc import Sequence
from pathlib import Path

from absl import flags

from cman_jax.app.encoder_files import flags_of_others, given_files, given_files_of
from cman_jax.app.program import refuse_unread
from cman_jax.encoders.encoder import Encoder
from cman_jax.encoders.load import load_encoder
from cman_jax.encoders.store.allennlp import AllenNLPFeatures
from cman_jax.encoders.store.cache import FeatureCache
from cman_jax.encoders.store.fill import add_features
from cman_jax.encoders.store.source import FeatureSource
from cman_jax.errors import InputError
from cman_jax.run.system import load_config, load_encoder_spec
from cman_jax.types import EncoderSpec, Sentence

_FEATURES = flags.DEFINE_string(
    "features",
    None,
    "Contextual features that are there already: the cache that data_prep.features wrote, or the HDF5 of "
    "`allennlp elmo --all`. With --encoder in training: the cache to add to; default: WORKDIR/features.",
)


def features_for_training(
    encoder: str | None, sentences: Sequence[Sentence], workdir: Path
) -> FeatureSource | None:
    """The features of all sentences: those of --features, or made now; None where no flag asks for any.

    Raises:
      InputError: a sentence is not in --features, the encoder's files are missing or bad, or there are files
        of an encoder that was not asked for.
    """
    if encoder is not None:
        cache = Path(_FEATURES.value or workdir / "features")
        print(add_features(load_encoder(encoder, **given_files()), sentences, cache), flush=True)
        return FeatureCache.open(cache)
    if files := given_files():
        raise InputError("flags", None, f"files of an encoder ({', '.join(files.values())})", "--encoder too")
    if not _FEATURES.value:
        return None
    source = open_features(_FEATURES.value)
    source.check(sentences)
    return source


def encoder_for_prediction(workdir: Path) -> Encoder | None:
    """The one of `encoders_for_prediction`."""
    (encoder,) = encoders_for_prediction(workdir)
    return encoder


def encoders_for_prediction(*workdirs: Path) -> list[Encoder | None]:
    """What gives the features that each run reads: those of --features, or the run's encoder.

    Raises:
      InputError: a directory holds no run, the encoder's files are missing or bad, or a flag gives features
        or files that no run reads.
    """
    for workdir in workdirs:
        load_config(workdir)
    specs = [load_encoder_spec(workdir) for workdir in workdirs]
    names = {spec.name for spec in specs if spec is not None}
    if not names:
        expected = "none of them, as the run reads no contextual features"
        refuse_unread([_FEATURES.name, *flags_of_others(None)], expected)
    elif _FEATURES.value:
        refuse_unread(flags_of_others(None), "either the encoder's files or --features, which stand for them")
    else:
        unread = set.intersection(*(set(flags_of_others(name)) for name in names))
        refuse_unread(
            sorted(unread), f"files of {' or '.join(sorted(names))}, which the run was trained with"
        )
    return [None if spec is None else _encoder(spec) for spec in specs]


def _encoder(spec: EncoderSpec) -> Encoder:
    return (
        open_features(_FEATURES.value)
        if _FEATURES.value
        else load_encoder(spec.name, **given_files_of(spec.name))
    )


def open_features(path: str) -> FeatureSource:
    """A directory is a cache of ours, a file is AllenNLP's."""
    if not Path(path).exists():
        raise InputError(path, None, "nothing", "a cache of features, or AllenNLP's HDF5")
    return FeatureCache.open(path) if Path(path).is_dir() else AllenNLPFeatures(path)
