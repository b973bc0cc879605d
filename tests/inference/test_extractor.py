"""The Python API: one record per text, and decoding options that are checked."""

import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cman_jax.config import Config
from cman_jax.data.summary import summarise
from cman_jax.data.text import from_text
from cman_jax.errors import InputError
from cman_jax.inference.extractor import NO_CONSTRAINTS, Extractor
from cman_jax.inference.options import with_decoding
from cman_jax.run.constraints import learn_constraints, write_constraints
from tests.builders import SENTENCES, quick_compilation, random_extractor


@pytest.fixture(scope="module")
def extractor() -> Extractor:
    return random_extractor()


def test_a_text_gives_one_record_and_a_sentence_one_annotation(extractor: Extractor) -> None:
    text = "Ada lived in London ."
    with quick_compilation():
        record = extractor(text)
        assert record["tokens"] == text.split()
        assert (record["id"], record["text"]) == ("1", text)
        first, second, third = extractor([text, "Nobody came.", ["Nobody", "came", "."]])
        assert first == record
        assert second["tokens"] == ["Nobody", "came", "."] == third["tokens"]
        assert (second["text"], third["text"]) == ("Nobody came.", "Nobody came .")
        assert extractor.annotate(SENTENCES[0]) == extractor.annotate(SENTENCES[:1])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"threshold": float("nan")}, "decoding option threshold: found nan, expected a finite number"),
        ({"threshold": 2}, "decoding option threshold: found 2, expected in [0, 1)"),
        ({"threshold": 1.0}, "decoding option threshold: found 1.0, expected in [0, 1)"),
        ({"threshold": "0.5"}, "decoding option threshold: found '0.5', expected a finite number"),
        ({"anchor": "first"}, "decoding option anchor: found 'first', expected 'last' | 'any'"),
        ({"bio_constraints": "no"}, "decoding option bio_constraints: found 'no', expected bool"),
    ],
)
def test_decoding_options_are_checked(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        with_decoding(Config(), changes)
    assert str(error.value) == message


def test_decoding_options_that_are_allowed_are_taken_and_nothing_else_changes() -> None:
    config = Config()
    changed_config = with_decoding(config, {"threshold": 0, "anchor": "any"})
    assert (changed_config.decoding.threshold, changed_config.decoding.anchor) == (0, "any")
    assert config.decoding.anchor == "last"
    assert with_decoding(changed_config, {"threshold": 0.5, "anchor": "last"}) == config
    by_type = with_decoding(config, {"relation_thresholds": (0.3, 0.4)})
    assert by_type.decoding.relation_thresholds == (0.3, 0.4)
    assert with_decoding(by_type, {"threshold": 0.5}) == config
    assert with_decoding(by_type, {"threshold": None}) == by_type


def test_options_hold_for_one_call(extractor: Extractor) -> None:
    text = "Ada lived in London ."
    with quick_compilation():
        before = extractor(text, threshold=0.99)
        every = extractor(text, threshold=0.0)
        assert extractor(text, threshold=0.99) == before
    assert extractor.system.config.decoding.threshold == 0.5
    assert len(every["relations"]) > len(before["relations"])
    with pytest.raises(InputError, match="decoding option threshold: found nan"):
        extractor(text, threshold=float("nan"))


def test_constraints_hold_for_one_call_and_a_run_without_them_gets_a_note(
    extractor: Extractor, tmp_path: Path
) -> None:
    file = tmp_path / "none_at_all.json"
    file.write_text(json.dumps({name: [] for name in extractor.system.vocabs.relation_types}))
    text = "Ada lived in London ."
    with quick_compilation():
        every = extractor(text, threshold=0.0)
        assert every["relations"]
        allowed = extractor(text, threshold=0.0, constraints=file)
        assert (allowed["relations"], allowed["entities"]) == ([], every["entities"])
        assert extractor(text, threshold=0.0, constraints="learned") == every  # no file, none are learned
    config = with_decoding(extractor.system.config, {"constraints": "learned"})
    learned = Extractor(extractor.system._replace(config=config), extractor.params, 1, None, tmp_path)
    assert learned.notes == (NO_CONSTRAINTS,)
    write_constraints(tmp_path, learn_constraints([summarise(SENTENCES)]))
    assert Extractor(learned.system, extractor.params, 1, None, tmp_path).notes == ()
    assert extractor.notes == ()


def test_records_come_one_by_one_from_documents_without_end(extractor: Extractor) -> None:
    endless = (from_text("Ada left .", str(number)) for number in itertools.count())
    with quick_compilation():
        records = list(itertools.islice(extractor.records(endless), 3))
    assert [record["id"] for record in records] == ["0", "1", "2"]


def test_the_door_is_lazy() -> None:
    program = "import sys, cman_jax; print('jax' in sys.modules, cman_jax.Extractor.__name__)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False Extractor\n"
