"""The flags that say how annotated files are read."""

from absl import flags

from cman_jax.data.formats.registry import FORMATS
from cman_jax.data.formats.standoff import Layout

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

FORMAT_FLAGS = (_FORMAT.name, _SENTENCES.name, _TOKENS.name)
"""The names of the flags, for `refuse_unread`."""


def format_of_flags() -> tuple[str, Layout]:
    """Returns the format of the files ("auto": what they look like), and how running text is divided."""
    return _FORMAT.value, Layout(_SENTENCES.value, _TOKENS.value)
