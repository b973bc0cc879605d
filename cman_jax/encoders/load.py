"""Pretrained encoders by the name of their package, or from a folder of files."""

from pathlib import Path

from cman_jax.encoders.bert.packages import PACKAGES
from cman_jax.encoders.encoder import Encoder
from cman_jax.encoders.store.source import check_spec
from cman_jax.encoders.windows import POOLINGS, Pooling
from cman_jax.errors import InputError
from cman_jax.files import show
from cman_jax.folders import inside
from cman_jax.types import EncoderSpec

_FOLDER = (
    "a folder with config.json, model.safetensors and tokenizer.json (BERT's family), "
    "or with options.json and weights.hdf5 (ELMo)"
)


def is_package(name: str) -> bool:
    """Returns whether an encoder of this name is found without a folder, as an installed package.

    Args:
      name: the name in an encoder's `spec`.
    """
    return with_pooling(name)[0] in PACKAGES


def load_encoder(source: str | Path) -> Encoder:
    """Loads a pretrained encoder; only the extra of its family must be installed.

    Args:
      source: the name of a known package, or a folder. ":first" behind it makes a word's vector that of its
        first piece. A folder with a config.json is of BERT's family; a folder without one holds ELMo's two
        files, whose names end in options.json and .hdf5.

    Raises:
      InputError: the source is neither, a file is missing or damaged, or the family is not known.
    """
    place, pooling = with_pooling(str(source))
    folder = Path(place)
    if place not in PACKAGES and not folder.is_dir():
        raise InputError("encoder", None, show(str(source)), f"{' or '.join(PACKAGES)}, or {_FOLDER}")
    if place in PACKAGES or inside(folder, "config.json").is_file():
        from cman_jax.encoders.bert.encoder import BertEncoder

        return BertEncoder.load(place, pooling)
    options, weights = _elmo_files(folder)
    if pooling != "mean":
        raise InputError("encoder", None, show(str(source)), f"{place}, because ELMo has no word pieces")
    from cman_jax.encoders.elmo.encoder import ElmoEncoder

    return ElmoEncoder(options, weights)


def frozen_encoder(
    spec: EncoderSpec | None, given: Encoder | str | Path | None, place: Path
) -> Encoder | None:
    """Returns the encoder whose features a network reads; None if it reads none.

    Args:
      spec: that encoder; None: no encoder, whatever is given.
      given: the encoder, or as for `load_encoder`; None: the encoder's package.
      place: the file of the spec, for error messages.

    Raises:
      InputError: as `load_encoder`, or the given encoder is another one.
    """
    if spec is None:
        return None
    encoder = load_encoder(given or spec.name) if given is None or isinstance(given, str | Path) else given
    if given is None and encoder.spec != spec:
        found = f"features by other files than those of the installed {spec.name}"
        raise InputError(place, None, found, "the folder of the encoder that the network was trained with")
    check_spec(place, found=spec, expected=encoder.spec)
    return encoder


def with_pooling(source: str) -> tuple[str, Pooling]:
    """Returns a package's name or a folder, and how words' vectors are computed."""
    for pooling in POOLINGS:
        if source.endswith(f":{pooling}") and not Path(source).is_dir():
            return source.removesuffix(f":{pooling}"), pooling
    return source, "mean"


def _elmo_files(folder: Path) -> tuple[Path, Path]:
    """Returns ELMo's options and weights in a folder. Raises an InputError unless there is one of each."""
    found = [sorted(folder.glob(pattern)) for pattern in ("*options.json", "*.hdf5")]
    if [len(paths) for paths in found] != [1, 1]:
        names = ", ".join(path.name for paths in found for path in paths) or "none of these files"
        raise InputError(folder, None, names, _FOLDER)
    return inside(folder, found[0][0].name), inside(folder, found[1][0].name)
