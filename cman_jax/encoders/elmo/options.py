"""The options of an ELMo, read from AllenNLP's options.json and checked completely."""

from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from cman_jax.errors import InputError
from cman_jax.files import parse_json, read_utf8, show


class ElmoOptions(NamedTuple):
    """The options that fix an ELMo's network."""

    char_dim: int
    filters: tuple[tuple[int, int], ...]  # (width in characters, number of filters)
    num_highways: int
    activation: str  # "relu" or "tanh", after the maximum over positions; highways always have relu
    max_characters: int  # per word, including its begin and end
    lstm_dim: int  # width of the cell
    projection_dim: int  # p: width of a token's vector and of each direction's output
    num_layers: int  # LSTMs per direction
    cell_clip: float | None  # bound on the absolute values of cells
    proj_clip: float | None  # bound on the absolute values of outputs
    skip_connections: bool  # from the second LSTM on, the input is added to the output


def read_options(path: str | Path) -> ElmoOptions:
    """Returns the options in an options.json.

    Options that the network does not need, such as training settings, are ignored.

    Args:
      path: the file.

    Raises:
      InputError: the file is missing or damaged, or an option is missing or out of its range.
    """
    expected = "ELMo's options (JSON)"
    if not Path(path).is_file():
        raise InputError(path, None, "no such file", expected)
    text = read_utf8(Path(path), expected)
    option = partial(_option, path, parse_json(text, partial(InputError, path, None)))
    options = ElmoOptions(
        char_dim=option("char_cnn.embedding.dim", *_at_least(1, _WIDEST)),
        filters=tuple(map(tuple, option("char_cnn.filters", _are_filters, "a list of [width, count]"))),
        num_highways=option("char_cnn.n_highway", *_at_least(0)),
        activation=option("char_cnn.activation", lambda x: x in ("relu", "tanh"), "relu or tanh"),
        # At least three: a word's begin, the symbol of a sentence's begin or end, a word's end.
        max_characters=option("char_cnn.max_characters_per_token", *_at_least(3)),
        lstm_dim=option("lstm.dim", *_at_least(1, _WIDEST)),
        projection_dim=option("lstm.projection_dim", *_at_least(1, _WIDEST)),
        num_layers=option("lstm.n_layers", *_at_least(1)),
        cell_clip=_bound(option("lstm.cell_clip", *_CLIP, default=None)),
        proj_clip=_bound(option("lstm.proj_clip", *_CLIP, default=None)),
        skip_connections=option("lstm.use_skip_connections", *_BOOLEAN, default=False),
    )
    # 261 in training, without a row for padding, and 262 afterwards; the same weights fit both numbers.
    option("char_cnn.n_characters", lambda x: x in (261, 262), "261 or 262", default=261)
    widest = max(width for width, _ in options.filters)
    if widest > options.max_characters:
        found = f"a filter of width {widest}"
        raise InputError(path, None, found, f"at most max_characters_per_token ({options.max_characters})")
    return options


_WIDEST = 100_000
"""The greatest width. The work of reading a file must not grow with a number that anyone can write."""

_BOOLEAN = (lambda x: isinstance(x, bool), "true or false")
_CLIP = (lambda x: x is None or _is_magnitude(x), "a positive number, or null or 0 for no clipping")


def _is_magnitude(value: Any) -> bool:
    """Returns whether the value is a number from 0 to below 1e9."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9


def _bound(value: int | float | None) -> float | None:
    """Returns the bound as a float; None if it is 0 or null."""
    return float(value) if value else None


def _is_integer(value: Any, least: int, most: int) -> bool:
    """Returns whether the value is an integer from `least` to `most`."""
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _at_least(least: int, most: int = 1000) -> tuple[Any, str]:
    """Returns the check of an integer's bounds, and the words for it in error messages."""
    check = partial(_is_integer, least=least, most=most)
    return check, f"an integer of at least {least}, and at most {most}"


def _are_filters(value: Any) -> bool:
    """Returns whether the value is a non-empty list of pairs of positive integers."""
    is_filter = lambda x: isinstance(x, list) and len(x) == 2 and all(_is_integer(y, 1, _WIDEST) for y in x)  # noqa: E731
    return isinstance(value, list) and len(value) > 0 and all(map(is_filter, value))


_REQUIRED = object()


def _option(
    path: str | Path, tree: Any, name: str, is_valid: Any, expected: str, default: Any = _REQUIRED
) -> Any:
    """Returns the value of an option after checking it.

    Args:
      path: the file, for error messages.
      tree: the JSON value of the file.
      name: the option's dotted name.
      is_valid: the check, called with the value.
      expected: the valid values in words.
      default: the value of a missing option; by default a missing option is an error.

    Raises:
      InputError: the option is missing or not valid.
    """
    value = tree
    for key in name.split("."):
        value = value.get(key, _REQUIRED) if isinstance(value, dict) else _REQUIRED
    value = default if value is _REQUIRED else value
    if value is _REQUIRED:
        raise InputError(path, None, f"no option {name}", expected)
    if not is_valid(value):
        raise InputError(path, None, f"{name} = {show(value)}", expected)
    return value
