"""The dataset conll04: Roth & Yih's corpus, in the splits of both publishers."""

from pathlib import Path

from cman_jax.data.formats.oddities import Oddity
from data_prep.conll04 import SPLITS, read_split
from data_prep.tfds.builder import About, Content, CorpusBuilder, items_of, tfds
from data_prep.tfds.published import checksums

_FILES = {"bekoulis": "{}.txt", "spert": "conll04_{}.json"}


class Conll04(CorpusBuilder):
    """CoNLL04: newswire with people, places, organisations, and five relations between them."""

    BUILDER_CONFIGS = [  # noqa: RUF012, as TFDS defines it
        tfds.core.BuilderConfig(
            name="bekoulis",
            description="The split of Bekoulis et al. (2018): 910 / 243 / 288 sentences.",
        ),
        tfds.core.BuilderConfig(
            name="spert",
            description="The split of Gupta et al. (2016) as SpERT publishes it: 922 / 231 / 288 sentences.",
        ),
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = "python -m data_prep.download --corpus=conll04 --out=data/raw"

    def about(self) -> About:
        """Returns what the dataset says about itself."""
        return About(
            "CoNLL04, newswire annotated with entities (Loc, Org, Peop, Other) and with relations (Kill, "
            f"Live_In, Located_In, OrgBased_In, Work_For). {self.builder_config.description}",
            "@inproceedings{roth2004linear,\n"
            "  author = {Roth, Dan and Yih, Wen-tau},\n"
            "  title = {A Linear Programming Formulation for Global Inference in Natural Language Tasks},\n"
            "  booktitle = {Proceedings of the Eighth Conference on Computational Natural Language "
            "Learning},\n"
            "  year = {2004},\n"
            "  pages = {1--8},\n"
            "}",
            "https://aclanthology.org/W04-2401",
            "No licence of the data is stated. The texts are newswire; do not redistribute them.",
        )

    def read(self, source: Path) -> Content:
        """Returns the three splits of the published files."""
        publisher = self.builder_config.name
        names = [_FILES[publisher].format(split) for split in SPLITS]
        files = checksums(source, f"conll04/{publisher}", names)
        readings = {split: read_split(source, publisher, split) for split in SPLITS}
        oddities: list[Oddity] = [oddity for reading in readings.values() for oddity in reading.oddities]
        return Content({split: items_of(reading) for split, reading in readings.items()}, files, oddities)
