"""Prepares a corpus as a dataset of TensorFlow Datasets, which `cman train --data=tfds:NAME` reads.

    python -m data_prep.tfds --corpus=conll04/bekoulis --source=data/raw/conll04/bekoulis --data_dir=data/tfds
    python -m data_prep.tfds --corpus=ade/fold0 --source=data/raw/ade/spert_folds --data_dir=data/tfds
    python -m data_prep.tfds --corpus=generated --num_train=100000 --data_dir=data/tfds
    python -m data_prep.tfds --corpus=annotations/mine --source=annotations --data_dir=data/tfds

The datasets are conll04/bekoulis, conll04/spert, ade/fold0 to ade/fold9, ade/full, ade/slices, generated, and
annotations/NAME for any corpus that `cman train` reads. A dataset that exists is compared with its source.
TensorFlow is not needed, only the extra `tfds`.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from cman_jax.app.flags import refuse_unread
from cman_jax.app.format_flags import FORMAT_FLAGS, format_of_flags
from cman_jax.app.program import run_main
from cman_jax.data.formats.oddities import describe_oddities
from cman_jax.data.formats.tfds_folders import data_dir_or_default
from cman_jax.errors import InputError
from data_prep.generated.corpus import SIZES

if TYPE_CHECKING:
    from data_prep.tfds.builder import CorpusBuilder

_CORPUS = flags.DEFINE_string(
    "corpus", None, "NAME/CONFIG of the dataset, such as conll04/bekoulis or annotations/mine.", required=True
)
_SOURCE = flags.DEFINE_string("source", None, "Folder of the published files, or of the annotations.")
_DATA_DIR = flags.DEFINE_string(
    "data_dir", None, "Folder of all prepared datasets; by default $TFDS_DATA_DIR or ~/tensorflow_datasets."
)
_SIZES = {
    split: flags.DEFINE_integer(f"num_{split}", number, f"Number of generated {split} sentences.", 1)
    for split, number in SIZES.items()
}
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the generated sentences.", lower_bound=0)
_GENERATED_FLAGS = (*(flag.name for flag in _SIZES.values()), _SEED.name)


def main(argv: Sequence[str]) -> None:
    """Prepares the dataset that the flags name, and prints its splits and how to read it."""
    del argv
    builder = builder_of_flags()
    builder.prepare(Path(_SOURCE.value) if _SOURCE.value else None)
    print(f"{builder.data_dir}: equal to its source")
    for split, info in builder.info.splits.items():
        print(f"  {split}: {info.num_examples} sentences")
    print("\n".join([*builder.content.notes, describe_oddities(builder.content.oddities)]))
    place = f" --data_dir={_DATA_DIR.value}" if _DATA_DIR.value else ""
    print(f"read it with --data=tfds:{builder.name}/{builder.builder_config.name}{place}")


def builder_of_flags() -> "CorpusBuilder":
    """Returns the builder of --corpus.

    Raises:
      InputError: the dataset does not exist, the extra `tfds` is missing, or nothing reads a given flag.
    """
    name, _, config = _CORPUS.value.partition("/")
    if name != "annotations":
        refuse_unread(FORMAT_FLAGS, "--corpus=annotations/NAME, because other sources have one format")
    if name != "generated":
        refuse_unread(_GENERATED_FLAGS, "--corpus=generated")
    elif config:
        raise InputError("flags", None, f"--corpus={_CORPUS.value}", "generated, and sizes under --num_train")
    else:
        refuse_unread([_SOURCE.name], "no source, because the sentences are generated")
    data_dir = data_dir_or_default(_DATA_DIR.value)
    # Here, because TFDS is an extra.
    from data_prep.tfds import ade, annotations, conll04, generated

    if name == "generated":
        sizes = [flag.value for flag in _SIZES.values()]
        return generated.Generated(config=generated.generated_config(*sizes, _SEED.value), data_dir=data_dir)
    if name == "annotations":
        if not re.fullmatch(r"\w[\w.-]*", config):
            expected = "annotations/NAME with a name of letters, digits, `_`, `.` and `-`"
            raise InputError("flags", None, f"--corpus={_CORPUS.value}", expected)
        format_name, layout = format_of_flags()
        settings = annotations.AnnotationsConfig(name=config, format=format_name, layout=layout)
        return annotations.Annotations(config=settings, data_dir=data_dir)
    builders = {"conll04": conll04.Conll04, "ade": ade.Ade}
    configs = {
        f"{each}/{config.name}": (builder, config)
        for each, builder in builders.items()
        for config in builder.BUILDER_CONFIGS
    }
    if _CORPUS.value not in configs:
        expected = f"one of {', '.join(configs)}, generated, annotations/NAME"
        raise InputError("flags", None, f"--corpus={_CORPUS.value}", expected)
    builder, chosen = configs[_CORPUS.value]
    return builder(config=chosen, data_dir=data_dir)


if __name__ == "__main__":
    run_main(main)
