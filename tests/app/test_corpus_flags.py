"""Tests of --data=tfds:NAME: the commands read a prepared dataset as they read the files it was made of."""

import re
from pathlib import Path

import jax
import numpy as np
import pytest
from absl.testing import flagsaver

from cman_jax.app.corpus_flags import corpus_place
from cman_jax.config import Config
from cman_jax.data import annotated
from cman_jax.data.annotated import read_annotated
from cman_jax.data.batching import collate, encode
from cman_jax.data.corpus import write_jsonl
from cman_jax.data.formats.tfds_folders import find_prepared
from cman_jax.data.stored import Stored
from cman_jax.errors import InputError
from cman_jax.run.checkpoint import Checkpoints
from cman_jax.training.loop import train
from cman_jax.training.plans import epoch_plans
from data_prep.generated.corpus import generate_splits
from tests.app.test_corpus import cman
from tests.builders import tiny_config, vocabs_of

pytest.importorskip("tensorflow_datasets", reason="needs the extra tfds")
pytest.importorskip("array_record", reason="needs the extra tfds")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a corpus in source/, and with the dataset annotations/mine made of it."""
    from data_prep.tfds.annotations import Annotations, AnnotationsConfig

    folder = tmp_path_factory.mktemp("place")
    for split, sentences in generate_splits({"train": 40, "dev": 6, "test": 6}).items():
        write_jsonl(folder / "source" / f"{split}.jsonl", sentences)
    Annotations(config=AnnotationsConfig(name="mine"), data_dir=folder).prepare(folder / "source")
    return folder


def test_the_batches_are_those_of_the_files(place: Path) -> None:
    config, batches = Config(), []
    for path in (place / "source", find_prepared("annotations/mine", place)):
        train = read_annotated(path).splits["train"]
        vocabs = vocabs_of(train)
        examples = [encode(sentence, vocabs) for sentence in train]
        batches.append(
            [
                collate(
                    [examples[i] for i in plan.indices],
                    plan.length,
                    config.data,
                    config.training.batch_size,
                    vocabs.sizes,
                )
                for plan in epoch_plans([len(each.tokens) for each in train], config, 1)
            ]
        )
    for ours, theirs in zip(*batches, strict=True):
        assert repr(ours) == repr(theirs)
        assert ours.word_ids.tobytes() == theirs.word_ids.tobytes()
        assert ours.relation_cells.tobytes() == theirs.relation_cells.tobytes()


def test_the_training_is_that_of_the_files_in_memory_or_not(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, found = tiny_config(), []
    config.training.num_epochs, config.data.bucket_lengths = 1, (64,)
    for path in (place / "source", find_prepared("annotations/mine", place)):
        for limit in (0, 2**30):
            monkeypatch.setattr(annotated, "LARGE", limit)
            splits, run = read_annotated(path).splits, tmp_path / f"{path.name}_{limit}"
            assert isinstance(splits["train"], Stored) is (limit == 0)
            system = train(config, splits, run)
            with Checkpoints(run / "checkpoints", read_only=True) as checkpoints:
                params = checkpoints.restore_params(1, system.param_shapes())
            found.append([np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(params)])
    assert found == [found[0]] * 4


def test_the_commands_read_it(place: Path, tmp_path: Path) -> None:
    flags = ("--data=tfds:annotations/mine", f"--data_dir={place}")
    done = cman("convert", *flags, f"--out={tmp_path / 'out'}")
    assert (done.returncode, done.stderr) == (0, "")
    assert "tfds (a dataset prepared by TensorFlow Datasets)" in done.stdout
    for split in ("train", "dev", "test"):
        name = f"{split}.jsonl"
        assert (tmp_path / "out" / name).read_bytes() == (place / "source" / name).read_bytes()
    reports = [cman("validate", *data).stdout for data in (flags, (f"--data={place / 'source'}",))]
    assert re.sub(r"^.*\n", "", reports[0]) == re.sub(r"^.*\n", "", reports[1])
    assert "train: 40 sentences" in reports[0]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            ("--data=tfds:annotations/mine", "--format=brat"),
            "flags: found --format, expected none of them, because",
        ),
        (("--data=source",), "flags: found --data_dir, expected --data=tfds:NAME beside it"),
        (
            ("--data=tfds:annotations/other",),
            "found no dataset annotations/other, but annotations/mine:1.0.0",
        ),
    ],
)
def test_a_mistake_is_a_clear_error(flags: tuple[str, ...], message: str, place: Path) -> None:
    given = dict(flag.removeprefix("--").split("=") for flag in flags)
    with flagsaver.as_parsed(data_dir=str(place), **given), pytest.raises(InputError) as caught:
        corpus_place()
    assert message in str(caught.value)
