"""Tests of the dataset ade on the real corpus: every field is that of the readers, and folds are slices."""

from pathlib import Path

import pytest

pytest.importorskip("tensorflow_datasets", reason="needs the extra tfds")
pytest.importorskip("array_record", reason="needs the extra tfds")

from data_prep.tfds.ade import Ade, fold_slices
from tests.data_prep.tfds.campaign import without_type_checks


def test_a_fold_and_the_slices_are_equal_to_the_published_files(shared_data: Path, tmp_path: Path) -> None:
    calls = ['check_ade(data, data_dir, "fold3")', 'check_ade(data, data_dir, "slices", (0, 3, 9))']
    assert without_type_checks(calls, shared_data, tmp_path) == [4272, 4272]
    info = Ade(config="fold3", data_dir=tmp_path).info
    sizes = {split: each.num_examples for split, each in info.splits.items()}
    assert sizes == {"train": 3268, "dev": 577, "test": 427}
    assert "gurulingappa2012" in info.citation


def test_the_slices_of_the_folds_divide_the_corpus() -> None:
    assert fold_slices(0) == ("full[427:4272]", "full[0:427]")
    assert fold_slices(1) == ("full[0:427]+full[854:4272]", "full[427:854]")
    assert fold_slices(9) == ("full[0:3843]", "full[3843:4272]")
