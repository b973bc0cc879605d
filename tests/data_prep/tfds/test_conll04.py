"""Tests of the dataset conll04 on the real corpus: every field is that of the readers."""

from pathlib import Path

import pytest

pytest.importorskip("tensorflow_datasets", reason="needs the extra tfds")
pytest.importorskip("array_record", reason="needs the extra tfds")

from cman_jax.errors import InputError
from data_prep.conll04 import SPLITS
from data_prep.tfds.conll04 import Conll04
from tests.data_prep.tfds.campaign import without_type_checks


@pytest.mark.usefixtures("unchecked")
def test_both_configs_are_equal_to_the_published_files(shared_data: Path, tmp_path: Path) -> None:
    calls = ['check_conll04(data, data_dir, "bekoulis")', 'check_conll04(data, data_dir, "spert")']
    assert without_type_checks(calls, shared_data, tmp_path) == [1441, 1441]
    info = Conll04(config="bekoulis", data_dir=tmp_path).info
    sizes = {split: each.num_examples for split, each in info.splits.items()}
    assert sizes == {"train": 910, "dev": 243, "test": 288}
    assert "roth2004linear" in info.citation
    assert "No licence" in info.redistribution_info.license
    assert sorted(info.metadata["files"]) == ["dev.txt", "test.txt", "train.txt"]


def test_files_that_are_not_the_published_ones_are_refused(tmp_path: Path) -> None:
    for split in SPLITS:
        (tmp_path / f"{split}.txt").write_text("#doc 1\n0\tAda\tB-Peop\t['N']\t[0]\n")
    with pytest.raises(InputError, match=r"train.txt: found \d+ bytes with SHA-256 .* expected 605406 bytes"):
        Conll04(config="bekoulis", data_dir=tmp_path).prepare(tmp_path)
