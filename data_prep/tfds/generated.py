"""The dataset generated: any number of newswire-like sentences, which need no source."""

import dataclasses
import functools
from collections.abc import Iterator, Mapping
from pathlib import Path

from data_prep.generated.corpus import SIZES, iterate
from data_prep.tfds.builder import About, Content, CorpusBuilder, Item, tfds


@dataclasses.dataclass(eq=False, kw_only=True)
class GeneratedConfig(tfds.core.BuilderConfig):
    """The sizes and the seed of a generated corpus.

    Attributes:
      sizes: the number of sentences of each split.
      seed: the seed, at least 0.
    """

    sizes: Mapping[str, int]
    seed: int


@functools.cache  # TFDS refuses two configs of one name
def generated_config(train: int, dev: int, test: int, seed: int) -> GeneratedConfig:
    """Returns the config of these sizes and this seed, whose name has them all.

    Args:
      train, dev, test: the number of sentences of each split.
      seed: the seed, at least 0.
    """
    return GeneratedConfig(
        name=f"{train}_{dev}_{test}_seed{seed}",
        description=f"{train} train, {dev} dev and {test} test sentences; seed {seed}.",
        sizes={"train": train, "dev": dev, "test": test},
        seed=seed,
    )


@dataclasses.dataclass(frozen=True)
class _Generation:
    """The sentences of a split, which are generated anew in each iteration."""

    size: int
    split: str
    seed: int

    def __iter__(self) -> Iterator[Item]:
        return (Item(each, each.id) for each in iterate(self.size, self.split, self.seed))


class Generated(CorpusBuilder):
    """The generated corpus of data_prep.generated."""

    BUILDER_CONFIGS = [generated_config(*SIZES.values(), 0)]  # noqa: RUF012, as TFDS defines it
    needs_source = False

    def about(self) -> About:
        """Returns what the dataset says about itself."""
        return About(
            "Newswire-like sentences with CoNLL04's types, written by the grammar of data_prep.generated. "
            f"{self.builder_config.description}",
            "",
            "",
            "Apache-2.0, as the grammar.",
        )

    def read(self, source: Path | None) -> Content:
        """Returns the splits; no folder is read."""
        del source
        config = self.builder_config
        return Content({split: _Generation(n, split, config.seed) for split, n in config.sizes.items()})
