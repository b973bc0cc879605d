"""The dataset annotations: any corpus that `cman train` reads, under a name of its own."""

import dataclasses
from pathlib import Path

from cman_jax.data.annotated import read_readable
from cman_jax.data.formats.standoff import DEFAULT_LAYOUT, Layout
from cman_jax.data.split_files import WHOLE
from data_prep.tfds.builder import About, Content, CorpusBuilder, items_of, tfds

WHOLE_SPLIT = "full"
"""The name of a corpus without splits, because TFDS reserves the name "all"."""


@dataclasses.dataclass(eq=False)
class AnnotationsConfig(tfds.core.BuilderConfig):
    """A corpus under its name.

    Attributes:
      format: the name of its format; "auto": what the files look like.
      layout: how running text is divided into sentences and tokens.
    """

    format: str = "auto"
    layout: Layout = DEFAULT_LAYOUT


class Annotations(CorpusBuilder):
    """Annotations in any format, as they are: no split is drawn."""

    def about(self) -> About:
        """Returns what the dataset says about itself."""
        return About(
            f"Sentences annotated with entities and relations: {self.builder_config.name}.",
            "",
            "",
            "That of the annotations and their texts; it is not known here.",
        )

    def read(self, source: Path) -> Content:
        """Returns the splits of the folder, or one split if the names of its files say none."""
        parts = read_readable(source, self.builder_config.format, self.builder_config.layout)
        oddities = [oddity for reading in parts.readings.values() for oddity in reading.oddities]
        splits = {
            WHOLE_SPLIT if split == WHOLE else split: items_of(reading)
            for split, reading in parts.readings.items()
        }
        return Content(splits, {}, oddities, parts.notes)
