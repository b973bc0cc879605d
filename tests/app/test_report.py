"""The report of a run has the numbers of its scores, and what cannot be reported is one line."""

import html
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from cman_jax.app import reporting
from cman_jax.app.judging import judge_run
from cman_jax.app.reporting import FILE, report_after_training, report_path, split_to_report, write_report
from cman_jax.config import Config, ScoringConfig, to_dict
from cman_jax.errors import InputError
from cman_jax.evaluation.analysis.summary import judge
from cman_jax.files import read_json, write_json
from cman_jax.inference.extractor import Extractor
from cman_jax.run.calibration import write_entry
from cman_jax.run.installed import MANIFEST
from cman_jax.run.provenance import split_digest
from cman_jax.types import Annotation, Sentence
from tests.builders import SENTENCES, quick_compilation, random_extractor
from tests.finished_run import finished_run
from tests.page.reader import Page

pytest.importorskip("matplotlib", reason="needs the extra plots")


@pytest.fixture(scope="module")
def workdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "small & <b>"
    with quick_compilation():
        finished_run(folder)
        line = write_report(folder / FILE, folder, "test", SENTENCES, SENTENCES[:1], threshold=0.2)
    assert line == f"report of test_threshold_0.2, epoch 2: {folder / FILE}"
    return folder


def tables(page: Page) -> Mapping[str, list[list[str]]]:
    """Returns the rows of every table by its caption."""
    found = {}
    for table in page.having("table"):
        (caption,) = page.inside(table, "caption")
        rows = page.inside(page.inside(table, "tbody")[0], "tr")
        words = "".join(b.text for b in page.inside(caption, "bdi")) or caption.text
        found[words] = [[b.text for b in page.inside(row, "bdi")] for row in rows]
    return found


def test_the_scores_are_those_of_the_run(workdir: Path) -> None:
    page = Page((workdir / FILE).read_bytes().decode())
    with quick_compilation():
        extractor = Extractor.as_configured(workdir, threshold=0.2)
        annotations = extractor.annotate(SENTENCES)
    scores, shown = extractor.score(SENTENCES, annotations), tables(page)
    assert any(annotation.relations for annotation in annotations)  # else the test would show little
    for match, average in (("strict", "micro"), ("boundaries", "macro")):
        expected = [f"{scores.f1(task, match=match, average=average):.2f}" for task in ("ner", "re")]
        assert [f"{match}, {average}", *expected] in shown["All conventions, F1"]
    micro = scores.table("re").micro
    counts = [micro.gold, micro.predicted, micro.tp]
    assert shown["Relations"][-2][:1] + shown["Relations"][-2][4:] == ["micro", *map(str, counts)]
    assert [b.text for b in page.having("b")][:2] == [f"{scores.f1(task):.2f}" for task in ("ner", "re")]
    assert [row[0] for row in shown["New and known sentences"]] == ["not in train", "also in train"]


def test_the_page_says_what_it_is_about(workdir: Path) -> None:
    text = (workdir / FILE).read_bytes().decode()
    page = Page(text)
    assert page.inside(page.having("h1")[0], "bdi")[0].text == "small & <b>: test_threshold_0.2"
    notes = [b.text for p in page.having("p", "note") for b in page.inside(p, "bdi")]
    assert notes == ["Not the run's own evaluation: threshold is 0.2, in the run's config 0.5"]
    about = {b.text for dl in page.having("dl", "about") for b in page.inside(dl, "bdi")}
    assert {"2 of 3", "4, with 5 entities and 4 relations"} <= about
    # metrics.jsonl of this run has neither losses nor scores on dev by task.
    curves = [svg.attributes["aria-label"] for svg in page.having("svg", "plot")]
    assert [c for c in curves if "After the last" in c] == [
        "F1 on dev under the run's convention, by epoch. After the last epoch: mean 20."
    ]
    assert not re.findall("https?:", html.unescape(text))


def test_a_tuned_threshold_is_used_and_one_that_is_missing_is_named(workdir: Path) -> None:
    with quick_compilation():
        with pytest.raises(InputError, match="found no threshold that was tuned for epoch 2"):
            judge_run(workdir, SENTENCES, threshold="dev")
        write_entry(workdir, "threshold", 2, "", {"value": 0.25, "f1": 1.0})
        extractor, judged = judge_run(workdir, SENTENCES, threshold="dev")
    types = extractor.system.vocabs.relation_types
    assert (extractor.system.config.decoding.threshold, judged.thresholds) == (
        0.25,
        dict.fromkeys(types, 0.25),
    )


def test_a_corpus_without_relations_or_training_sentences_has_no_page_about_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gold = [sentence._replace(relations=()) for sentence in SENTENCES]
    answers = [Annotation(s.entities[:1], (), (0.9,) * len(s.entities[:1])) for s in gold]
    extractor = random_extractor(sentences=gold)
    extractor.notes = ("a note of the run",)
    types = {"entity_types": extractor.system.vocabs.entity_types, "relation_types": ()}
    judged = judge(gold, answers, {}, ScoringConfig(), **types)
    monkeypatch.setattr(reporting, "judge_run", lambda *_, **__: (extractor, judged))
    write_json(tmp_path / "config.json", to_dict(Config()))
    write_json(tmp_path / "data.json", {"train": split_digest(gold)})
    write_report(tmp_path / "a.html", tmp_path, "dev", gold, None)
    page = Page((tmp_path / "a.html").read_bytes().decode())
    assert set(tables(page)) == {
        *("All epochs", "All conventions, F1", "Entities", "NER: gold in rows, predicted in columns"),
        *("NER: the most frequent errors", "All sentences", "By sentence length, tokens"),
    }
    assert tables(page)["Entities"][-2] == ["micro", "100.00", "40.00", "57.14", "5", "2", "2"]
    notes = [b.text for p in page.having("p", "note") for b in page.inside(p, "bdi")]
    assert notes[0].startswith("The network was trained on these sentences, so ")
    assert notes[1].startswith("The corpus has no training sentences, so that ")
    assert notes[2:] == ["a note of the run"]


def test_training_reports_on_test_or_else_on_dev_and_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    written = []

    def write(path: Path, workdir: Path, split: str, gold: object, train: list[Sentence], *_: object) -> str:
        written.append((path, split, len(train)))
        return f"report of {split}"

    monkeypatch.setattr(reporting, "write_report", write)
    splits = {"train": SENTENCES, "dev": SENTENCES[:1], "test": SENTENCES[1:]}
    assert report_after_training(tmp_path, splits, ("train",)) == "report of test"
    assert report_after_training(tmp_path, {**splits, "test": ()}, ("train",)) == "report of dev"
    assert report_after_training(tmp_path, splits, ("train", "dev")) == "report of test"
    assert written == [(tmp_path / FILE, s, n) for s, n in (("test", 4), ("dev", 4), ("test", 5))]
    none = report_after_training(tmp_path, {**splits, "test": ()}, ("train", "dev"))
    assert none == "no report was written: the corpus has no sentences besides those of the training"
    for module in ("matplotlib", "jinja2"):
        monkeypatch.setitem(sys.modules, module, None)
    missing = report_after_training(tmp_path, splits, ("train",))
    assert missing == "no report was written: it needs pip install 'cman-jax[page,plots]'"
    assert len(written) == 3


def test_without_a_test_sentence_the_report_is_about_dev(tmp_path: Path) -> None:
    both = {"train": SENTENCES, "dev": SENTENCES}
    assert split_to_report({**both, "test": SENTENCES}, ["train"]) == "test"
    assert split_to_report({**both, "test": []}, ["train"]) == "dev"
    assert split_to_report(both, ["train", "dev"]) is None
    (tmp_path / "test.jsonl").write_text("{}")
    with pytest.raises(InputError, match="found a file that is not a page, expected a new file"):
        report_path(tmp_path, str(tmp_path / "test.jsonl"))


def test_an_installed_model_needs_a_file_and_a_split_needs_sentences(tmp_path: Path) -> None:
    assert report_path(tmp_path, None) == tmp_path / FILE
    write_json(tmp_path / MANIFEST, {})
    assert report_path(tmp_path, "a.html") == Path("a.html")
    with pytest.raises(InputError, match="found an installed model, expected a file to write the report to"):
        report_path(tmp_path, None)
    with pytest.raises(InputError, match="test: found no sentence, expected annotated sentences"):
        write_report(tmp_path / FILE, tmp_path, "test", [], None)
    assert read_json(tmp_path / FILE) == {}
