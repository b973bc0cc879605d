"""The flags that say which annotated corpus a program reads."""

from collections.abc import Sequence

from absl import flags

from cman_jax.app.flags import refuse_unread
from cman_jax.app.format_flags import FORMAT_FLAGS, format_of_flags
from cman_jax.data.annotated import AnnotatedCorpus, read_annotated
from cman_jax.data.formats.oddities import describe_oddities
from cman_jax.data.formats.registry import FORMATS
from cman_jax.data.formats.standoff import DEFAULT_LAYOUT, Layout
from cman_jax.data.formats.tfds_folders import find_prepared
from cman_jax.errors import InputError
from cman_jax.types import Sentence

_PREPARED = "tfds:"
"""The beginning of --data for datasets that TensorFlow Datasets has prepared."""

_DATA = flags.DEFINE_string(
    "data",
    None,
    "Corpus: a folder with a file or folder for each of train, dev and test, one file, a folder of brat's "
    "files, or tfds:NAME/CONFIG, a dataset that TensorFlow Datasets has prepared.",
    required=True,
)
_DATA_DIR = flags.DEFINE_string(
    "data_dir",
    None,
    "Folder of prepared datasets, for --data=tfds:...; by default $TFDS_DATA_DIR or ~/tensorflow_datasets.",
)


def corpus_place() -> tuple[str, str, Layout]:
    """Returns the path of the corpus, its format, and how running text is divided.

    Raises:
      InputError: a dataset is not prepared, or a flag is given that nothing reads.
    """
    place, name = _DATA.value, _DATA.value.removeprefix(_PREPARED)
    if name == place:
        refuse_unread([_DATA_DIR.name], f"--data={_PREPARED}NAME beside it")
        return place, *format_of_flags()
    refuse_unread(FORMAT_FLAGS, f"none of them, because {place} has one format and tokens")
    return str(find_prepared(name, _DATA_DIR.value)), "tfds", DEFAULT_LAYOUT


def corpus_of_flags(shares: tuple[float, float, float] | None = None, seed: int = 0) -> AnnotatedCorpus:
    """Reads the corpus that the flags name, and draws missing splits if `shares` is given.

    Raises:
      InputError: as `read_annotated`.
    """
    return read_annotated(*corpus_place(), shares, seed)


def split_of_flags(split: str) -> Sequence[Sentence]:
    """Reads one split of the corpus that the flags name.

    Raises:
      InputError: as `read_annotated`, or the corpus has no such split.
    """
    return split_in(corpus_of_flags(), split)


def split_in(corpus: AnnotatedCorpus, split: str) -> Sequence[Sentence]:
    """Returns one split of the corpus that the flags name; raises an InputError if it has no such split."""
    if split not in corpus.splits:
        expected = f"the split {split!r}; a training keeps the splits that it draws in WORKDIR/data"
        raise InputError(corpus_place()[0], None, f"only {', '.join(corpus.splits)}", expected)
    return corpus.splits[split]


def describe_corpus(corpus: AnnotatedCorpus) -> str:
    """Returns what a person should know about how the files were read, one thing a line."""
    lines = [f"data: {corpus_place()[0]}, {corpus.format} ({FORMATS[corpus.format].about})", *corpus.notes]
    if corpus.oddities:
        lines.append(describe_oddities(corpus.oddities))
    return "\n".join(lines)
