"""Tests of the dataset ade on the real corpus: every field is that of the readers, and folds are slices."""

from pathlib import Path

import pytest

pytest.importorskip("tensorflow_datasets", reason="needs the extra tfds")
pytest.importorskip("array_record", reason="needs the extra tfds")

from data_prep.tfds.ade import Ade, fold_slices
from tests.data_prep.tfds.campaign import without_type_checks


@pytest.mark.usefixtures("unchecked")
def test_the_slices_are_equal_to_the_published_files(shared_data: Path, tmp_path: Path) -> None:
    calls = ['check_ade(data, data_dir, "slices", (0, 3, 9))']
    assert without_type_checks(calls, shared_data, tmp_path) == [4272]
    assert "gurulingappa2012" in Ade(config="slices", data_dir=tmp_path).info.citation


def test_the_slices_of_the_folds_divide_the_corpus() -> None:
    assert fold_slices(0) == ("full[427:4272]", "full[0:427]")
    assert fold_slices(1) == ("full[0:427]+full[854:4272]", "full[427:854]")
    assert fold_slices(9) == ("full[0:3843]", "full[3843:4272]")
