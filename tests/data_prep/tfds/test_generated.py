"""Tests of the dataset generated."""

from pathlib import Path

import pytest

pytest.importorskip("tensorflow_datasets", reason="needs the extra tfds")
pytest.importorskip("array_record", reason="needs the extra tfds")

from cman_jax.data.formats.tfds import read_split
from data_prep.generated.corpus import generate_splits
from data_prep.tfds.generated import Generated, generated_config


def test_it_has_the_generated_sentences_under_a_name_with_sizes_and_seed(tmp_path: Path) -> None:
    builder = Generated(config=generated_config(30, 4, 5, 7), data_dir=tmp_path)
    builder.prepare(None)
    assert Path(builder.data_dir) == tmp_path / "generated" / "30_4_5_seed7" / "1.0.0"
    for split, sentences in generate_splits({"train": 30, "dev": 4, "test": 5}, seed=7).items():
        assert read_split(Path(builder.data_dir) / split).sentences == sentences
    assert "30 train, 4 dev and 5 test sentences; seed 7." in builder.info.description


def test_the_default_is_the_corpus_of_the_program_without_tfds(tmp_path: Path) -> None:
    builder = Generated(data_dir=tmp_path)
    assert builder.builder_config is generated_config(1200, 200, 200, 0)
    assert builder.builder_config.name == "1200_200_200_seed0"
