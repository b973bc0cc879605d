"""Pretrained encoders by name."""

from pathlib import Path

from cman_jax.encoders.encoder import Encoder
from cman_jax.errors import InputError


def load_encoder(
    name: str,
    *,
    options: str | Path | None = None,
    weights: str | Path | None = None,
    directory: str | Path | None = None,
) -> Encoder:
    """The encoder of that name; only its own extra must be installed.

    Args:
      name: "elmo" or "minilm".
      options, weights: ELMo's two files.
      directory: MiniLM's files; None: those of the installed package.

    Raises:
      InputError: an unknown name, a file that is missing or of the other encoder, or what the encoder finds
        wrong with its files.
    """
    files = {"options": options, "weights": weights, "directory": directory}
    given = [kind for kind, path in files.items() if path is not None]
    if name == "elmo":
        if given != ["options", "weights"]:
            raise _wrong_files(name, given, "options and weights (--elmo_options, --elmo_weights)")
        from cman_jax.encoders.elmo.encoder import ElmoEncoder

        return ElmoEncoder(options, weights)
    if name == "minilm":
        if given not in ([], ["directory"]):
            raise _wrong_files(name, given, "a directory (--minilm_dir) or nothing")
        from cman_jax.encoders.bert.encoder import MiniLMEncoder

        return MiniLMEncoder.load(directory)
    wanted = "'elmo' or 'minilm' (of all others, features that are there already: --features)"
    raise InputError("encoder", None, repr(name), wanted)


def _wrong_files(name: str, given: list[str], expected: str) -> InputError:
    return InputError(f"files of encoder {name}", None, " and ".join(given) or "none", expected)
