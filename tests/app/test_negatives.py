"""Tests of the report of false alarms: text and tokens, what is stored, and mistakes in one line."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cman_jax.app import negatives
from cman_jax.app.negatives import report_negatives
from cman_jax.config import Config, DecodingConfig, to_dict
from cman_jax.data.negatives import read_negatives
from cman_jax.files import read_json, write_json
from cman_jax.run.installed import MANIFEST
from cman_jax.types import Annotation, Entity, Relation, Sentence

FOUND = Annotation((Entity(0, 1, "Peop"), Entity(1, 2, "Org")), (Relation(0, 1, "Work_For"),))


@pytest.fixture
def workdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run that finds a triple in every sentence that begins with Ann, unless the threshold is 0.9."""

    class Known:
        def __init__(self, threshold: float = 0.5, **options: Any):
            config = Config(decoding=DecodingConfig(threshold=threshold))
            self.system, self.epoch = SimpleNamespace(config=config), 4

        @classmethod
        def as_configured(cls, workdir: Path, **options: Any) -> "Known":
            return cls(**options)

        def annotate(self, sentences: list[Sentence]) -> list[Annotation]:
            sure = self.system.config.decoding.threshold < 0.9
            return [FOUND if s.tokens[0] == "Ann" and sure else Annotation((), ()) for s in sentences]

    monkeypatch.setattr(negatives, "Extractor", Known)
    write_json(tmp_path / "config.json", to_dict(Config()))
    return tmp_path


def test_the_share_is_printed_and_stored_by_file_and_decoding(
    workdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = workdir / "quiet.jsonl"
    path.write_text('["Ann", "slept"]\n\n{"tokens": ["It", "rained"]}\n["Nobody", "came"]\n["Ann", "sang"]\n')
    report_negatives(workdir, path.stem, read_negatives(path))
    assert (
        "quiet, epoch 4: 50.00 % of 4 sentences without relations have a triple (2 sentences, 2 triples)"
        in (capsys.readouterr().out)
    )
    report_negatives(workdir, path.stem, read_negatives(path), threshold=0.9)
    stored = read_json(workdir / "negatives.json")
    assert {name: entry["share"] for name, entry in stored.items()} == {
        "quiet": 50.0,
        "quiet_threshold_0.9": 0.0,
    }
    assert (stored["quiet"]["sentences"], stored["quiet"]["with_triple"], stored["quiet"]["epoch"]) == (
        4,
        2,
        4,
    )


def test_another_file_of_the_same_name_is_kept_beside_the_first(workdir: Path) -> None:
    shares = []
    for folder, tokens in (("a", '["Ann"]'), ("b", '["Nobody"]'), ("a", '["Ann"]')):
        path = workdir / folder / "quiet.jsonl"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{tokens}\n")
        report_negatives(workdir, path.stem, read_negatives(path))
        shares.append({name: entry["share"] for name, entry in read_json(workdir / "negatives.json").items()})
    assert shares[1] == shares[2]
    assert sorted(shares[2].values()) == [0.0, 100.0]
    assert shares[2]["quiet"] == 100.0


def test_nothing_is_written_into_an_installed_model(
    workdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_json(workdir / MANIFEST, {})
    path = workdir.parent / "quiet.jsonl"
    path.write_text('["Ann", "slept"]\n')
    assert report_negatives(workdir, path.stem, read_negatives(path)).share == 100.0
    assert capsys.readouterr().out.endswith("not kept: nothing is written into an installed model\n")
    assert not (workdir / "negatives.json").exists()
