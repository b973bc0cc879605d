"""Pretrained encoders by the name of their package, or from a folder of files."""

from functools import partial
from pathlib import Path

from cman_jax.encoders.encoder import Encoder
from cman_jax.errors import InputError
from cman_jax.files import parse_json, read_utf8, show

PACKAGES = ("minilm",)
"""Encoders whose files come as a Python package."""
_FOLDER = (
    "a folder with config.json, model.safetensors and tokenizer.json (BERT), "
    "or with options.json and weights.hdf5 (ELMo)"
)


def load_encoder(source: str | Path) -> Encoder:
    """Loads a pretrained encoder; only the extra of its family must be installed.

    Args:
      source: the name of a known package, or a folder. A folder's config.json says which family the encoder
        is of; a folder without one holds ELMo's two files, whose names end in options.json and .hdf5.

    Raises:
      InputError: the source is neither, a file is missing or damaged, or the family is not known.
    """
    if source in PACKAGES:
        from cman_jax.encoders.bert.encoder import BertEncoder

        return BertEncoder.load()
    folder = Path(source)
    if not folder.is_dir():
        raise InputError("encoder", None, show(str(source)), f"{' or '.join(PACKAGES)}, or {_FOLDER}")
    if (folder / "config.json").is_file():
        _check_family(folder / "config.json")
        from cman_jax.encoders.bert.encoder import BertEncoder

        return BertEncoder.load(folder)
    options, weights = _elmo_files(folder)
    from cman_jax.encoders.elmo.encoder import ElmoEncoder

    return ElmoEncoder(options, weights)


def _check_family(path: Path) -> None:
    """Raises an InputError unless a config.json is of a known family."""
    config = parse_json(read_utf8(path, "a JSON object"), partial(InputError, path, None))
    family = config.get("model_type") if isinstance(config, dict) else None
    if family != "bert":
        raise InputError(path, None, f"model_type = {show(family)}", "'bert'")


def _elmo_files(folder: Path) -> tuple[Path, Path]:
    """Returns ELMo's options and weights in a folder. Raises an InputError unless there is one of each."""
    found = [sorted(folder.glob(pattern)) for pattern in ("*options.json", "*.hdf5")]
    if [len(paths) for paths in found] != [1, 1]:
        names = ", ".join(path.name for paths in found for path in paths) or "none of these files"
        raise InputError(folder, None, names, _FOLDER)
    return found[0][0], found[1][0]
