"""The encoder that a run reads, which is either frozen or divided into frozen and trained layers.

The trained layers are a part of the run's network. The run's folder `FOLDER` has the files of the others.
"""

from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp

from cman_jax.config import EncoderConfig
from cman_jax.encoders.bert.checkpoint import read_settings, read_some, read_source
from cman_jax.encoders.bert.config import BertConfig
from cman_jax.encoders.bert.lower import LowerLayers, lower_files
from cman_jax.encoders.bert.packages import PACKAGES
from cman_jax.encoders.bert.upper import Upper, upper_constants, upper_params
from cman_jax.encoders.bert.weights import distance_shapes
from cman_jax.encoders.encoder import Encoder, PieceEncoder
from cman_jax.encoders.load import frozen_encoder, with_pooling
from cman_jax.errors import InputError
from cman_jax.files import show
from cman_jax.types import Constants, EncoderSpec, Params

FOLDER = "encoder"


def encoder_of_run(
    spec: EncoderSpec | None, given: Encoder | str | Path | None, place: Path, upper: Upper | None = None
) -> Encoder | None:
    """Returns the encoder that a network was trained with; None if it reads no features.

    Args:
      spec, given, place: as for `frozen_encoder`.
      upper: the encoder's trained layers, or None; the frozen ones are in the folder beside the spec.

    Raises:
      InputError: as `frozen_encoder`, or an encoder is given to a run that has its own.
    """
    if spec is not None:
        _refuse_other_division(given, upper.num_layers if upper else 0)
    if spec is None or upper is None or isinstance(given, PieceEncoder):
        return frozen_encoder(spec, given, place)
    if given is not None:
        raise InputError("encoder", None, "an encoder", "none, because the run keeps its own")
    return LowerLayers.load_part(place.parent / FOLDER, upper, spec)


def load_lower(source: str | Path, config: EncoderConfig) -> LowerLayers:
    """Loads an encoder whose upper layers are to be trained.

    Args:
      source: as for `load_encoder`, but of BERT's family.
      config: the number of trained layers.

    Raises:
      InputError: as `load_encoder`, or the encoder is of another kind or has fewer layers.
    """
    place, pooling = with_pooling(str(source))
    if place not in PACKAGES and not (Path(place) / "config.json").is_file():
        expected = f"{' or '.join(PACKAGES)}, or a folder of BERT's family, whose layers can be trained"
        raise InputError("encoder", None, show(str(source)), expected)
    files = read_source(place)
    num_trained = config.num_trained(files.config.num_layers)
    if num_trained > files.config.num_layers:
        found, most = f"{num_trained} trained layers", files.config.num_layers
        raise InputError("config.encoder.trained_layers", None, found, f"at most {most}, or all")
    return LowerLayers(files, num_trained, pooling)


class Trained(NamedTuple):
    """An encoder's trained layers. Attributes: upper: which; constants: the other arrays that they read."""

    upper: Upper
    constants: Constants


def trained_part(encoder: Encoder | None, config: EncoderConfig) -> Trained | None:
    """Returns the layers of a pretrained encoder that are to be trained; None: none is.

    Raises:
      InputError: layers are to be trained, but all of the encoder's are frozen, or there is no encoder. The
        encoder was loaded for another number of trained layers.
    """
    if config.frozen:
        _refuse_other_division(encoder, 0)
        return None
    if not isinstance(encoder, LowerLayers):
        found = f"{config.trained_layers} without an encoder that `load_lower` has loaded"
        raise InputError("config.encoder.trained_layers", None, found, "0, or an encoder to train")
    settings = encoder.files.config
    _refuse_other_division(encoder, config.num_trained(settings.num_layers))
    return Trained(_upper(settings, config), upper_constants(encoder.files.weights, settings))


def _refuse_other_division(encoder: object, num_trained: int) -> None:
    """Raises an InputError if an encoder was loaded for another number of trained layers."""
    if isinstance(encoder, LowerLayers) and encoder.num_trained != num_trained:
        found = f"an encoder that was loaded to train {encoder.num_trained} of its layers"
        raise InputError("encoder", None, found, f"one for {num_trained}, as the config says")


def trained_part_of_run(workdir: Path, config: EncoderConfig) -> Trained:
    """Returns the trained layers of a run's encoder, without their parameters.

    Args:
      workdir: the run's working directory, with the files that `frozen_part` describes.
      config: which layers are trained, and how.

    Raises:
      InputError: a file is missing or damaged.
    """
    folder = workdir / FOLDER
    settings = read_settings(folder)
    weights = read_some(folder, settings, distance_shapes(settings))
    return Trained(_upper(settings, config), upper_constants(weights, settings))


def pretrained_layers(encoder: LowerLayers, upper: Upper) -> Params:
    """Returns the pretrained parameters of the layers that are to be trained."""
    return jax.tree.map(jnp.asarray, upper_params(encoder.files.weights, upper))


def frozen_part(encoder: Encoder | None, trained: Trained | None) -> dict[str, bytes]:
    """Returns the files of the frozen layers, by their names in a run; empty if no layer is trained."""
    if trained is None:
        return {}
    files = lower_files(encoder.files, trained.upper)
    return {f"{FOLDER}/{name}": content for name, content in files.items()}


def _upper(settings: BertConfig, config: EncoderConfig) -> Upper:
    """Returns which layers of an encoder are trained, and how."""
    return Upper(settings, config.num_trained(settings.num_layers), config.dropout, config.remat)
