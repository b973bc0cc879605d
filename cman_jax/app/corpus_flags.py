"""The flags that say where an annotated corpus is and how it is read, for programs that read one."""

from absl import flags

from cman_jax.data.annotated import AnnotatedCorpus, read_annotated
from cman_jax.data.formats.oddities import describe_oddities
from cman_jax.data.formats.registry import FORMATS
from cman_jax.data.formats.standoff import Layout
from cman_jax.errors import InputError
from cman_jax.types import Sentence

_DATA = flags.DEFINE_string(
    "data",
    None,
    "Corpus: a folder with a file or folder for each of train, dev and test, one file, or a folder of brat's "
    "files.",
    required=True,
)
_FORMAT = flags.DEFINE_enum(
    "format",
    "auto",
    ["auto", *FORMATS],
    f"Format of the corpus: {'; '.join(f'{name}, {form.about}' for name, form in FORMATS.items())}. "
    "auto: what the files look like.",
)
_SENTENCES = flags.DEFINE_enum(
    "sentences",
    "split",
    ["split", "line"],
    "How running text in brat's, doccano's and Label Studio's files becomes sentences: split finds their "
    "ends, line takes each line as one.",
)
_TOKENS = flags.DEFINE_enum(
    "tokens",
    "treebank",
    ["treebank", "spaces"],
    "How running text becomes tokens: as raw text does in `cman extract`, or at spaces only.",
)


def corpus_place() -> tuple[str, str, Layout]:
    """Returns the path of the corpus, its format, and how running text is divided."""
    return _DATA.value, _FORMAT.value, Layout(_SENTENCES.value, _TOKENS.value)


def corpus_of_flags(shares: tuple[float, float, float] | None = None, seed: int = 0) -> AnnotatedCorpus:
    """Reads the corpus that the flags name, and draws missing splits if `shares` is given.

    Raises:
      InputError: as `read_annotated`.
    """
    return read_annotated(*corpus_place(), shares, seed)


def split_of_flags(split: str) -> list[Sentence]:
    """Reads one split of the corpus that the flags name.

    Raises:
      InputError: as `read_annotated`, or the corpus has no such split.
    """
    return split_in(corpus_of_flags(), split)


def split_in(corpus: AnnotatedCorpus, split: str) -> list[Sentence]:
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
