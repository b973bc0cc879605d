"""The dataset ade: SpERT's ten folds of the ADE corpus, and the whole corpus.

fold0 to fold9 have the splits train, dev and test. All entities are kept, so a fold has the sentences that
`python -m data_prep.ade --overlap=keep` writes: train and dev together are the published training sentences.

full and slices have one split, `full`, with all sentences: in the order of ade_full.json, and in the order of
the folds. Each test set is a slice of `slices`, see `fold_slices`. The folds are no slices of ade_full.json,
because their sentences are drawn from everywhere in it.
"""

from pathlib import Path

from cman_jax.data.formats.oddities import Reading
from cman_jax.data.formats.spert import read_spert
from data_prep.ade import DEV_FRACTION, DEV_SEED, NUM_FOLDS, draw_dev
from data_prep.tfds.builder import About, Content, CorpusBuilder, Item, items_of, tfds
from data_prep.tfds.published import checksums

NUM_SENTENCES = 4272


def fold_slices(fold: int) -> tuple[str, str]:
    """Returns the training sentences and the test sentences of a fold as splits of the config `slices`.

    Args:
      fold: the number of the fold, from 0 on.
    """
    size = NUM_SENTENCES // NUM_FOLDS
    start = fold * size
    end = start + size if fold < NUM_FOLDS - 1 else NUM_SENTENCES
    parts = [(0, start), (end, NUM_SENTENCES)]
    train = "+".join(f"full[{first}:{last}]" for first, last in parts if first < last)
    return train, f"full[{start}:{end}]"


class Ade(CorpusBuilder):
    """ADE: sentences of medical case reports with drugs and their adverse effects."""

    BUILDER_CONFIGS = [  # noqa: RUF012, as TFDS defines it
        *(
            tfds.core.BuilderConfig(
                name=f"fold{fold}",
                description=f"Fold {fold} of SpERT's ten folds. Dev is {DEV_FRACTION:.0%} of the fold's "
                f"training sentences, drawn with seed {DEV_SEED}.",
            )
            for fold in range(NUM_FOLDS)
        ),
        tfds.core.BuilderConfig(name="full", description="The whole corpus, in the order of ade_full.json."),
        tfds.core.BuilderConfig(
            name="slices",
            description="The whole corpus in the order of SpERT's ten folds, so that each fold's test set is "
            "a slice. Nine slices have 427 sentences, the last one has 429.",
        ),
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = "python -m data_prep.download --corpus=ade --out=data/raw"

    def about(self) -> About:
        """Returns what the dataset says about itself."""
        return About(
            "ADE, sentences of medical case reports with entities (Drug, Adverse-Effect) and the relation "
            "Adverse-Effect, whose subject is the effect and whose object is the drug. Entities may overlap. "
            f"{self.builder_config.description}",
            "@article{gurulingappa2012development,\n"
            "  author = {Gurulingappa, Harsha and Rajput, Abdul Mateen and Roberts, Angus and Fluck, Juliane "
            "and Hofmann-Apitius, Martin and Toldo, Luca},\n"
            "  title = {Development of a benchmark corpus to support the automatic extraction of "
            "drug-related adverse effects from medical case reports},\n"
            "  journal = {Journal of Biomedical Informatics},\n"
            "  volume = {45},\n"
            "  number = {5},\n"
            "  pages = {885--892},\n"
            "  year = {2012},\n"
            "}",
            "https://doi.org/10.1016/j.jbi.2012.04.008",
            "No licence of the data is stated with these files. The texts are of MEDLINE abstracts.",
        )

    def read(self, source: Path) -> Content:
        """Returns the splits of the published files."""
        config = self.builder_config.name
        if config == "full":
            names = ["ade_full.json"]
        elif config == "slices":
            names = [f"ade_split_{fold}_test.json" for fold in range(NUM_FOLDS)]
        else:
            fold = config.removeprefix("fold")
            names = [f"ade_split_{fold}_train.json", f"ade_split_{fold}_test.json"]
        files = checksums(source, "ade/spert_folds", names)
        readings = [read_spert(source / name) for name in names]
        oddities = [oddity for reading in readings for oddity in reading.oddities]
        if config in ("full", "slices"):
            return Content({"full": [item for each in readings for item in items_of(each)]}, files, oddities)
        train, test = readings
        return Content({**_with_dev(train), "test": items_of(test)}, files, oddities)


def _with_dev(reading: Reading) -> dict[str, list[Item]]:
    """Returns the published training sentences as train and dev."""
    items = {item.sentence.id: item for item in items_of(reading)}
    drawn = draw_dev(reading.sentences, DEV_FRACTION, DEV_SEED)
    return {
        split: [items[sentence.id] for sentence in sentences]
        for split, sentences in zip(("train", "dev"), drawn, strict=True)
    }
