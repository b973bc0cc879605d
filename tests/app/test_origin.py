"""Tests that whatever changes an output changes its origin, and that nothing else does."""

from pathlib import Path

import pytest

from cman_jax.app.origin import origin, run_digest
from cman_jax.inference.extractor import Extractor
from cman_jax.inference.options import with_decoding
from cman_jax.run.calibration import Calibration, Platt
from tests.builders import SENTENCES, random_extractor

OPTIONS = {"form": "csv", "rows": "triples"}


@pytest.fixture(scope="module")
def extractor() -> Extractor:
    return random_extractor()


def test_a_run_has_a_digest_of_its_parameters_settings_and_vocabularies(extractor: Extractor) -> None:
    system, params = extractor.system, extractor.params
    config = with_decoding(system.config, {"threshold": 0.25})
    others = [
        random_extractor(first_seed=1),
        random_extractor(sentences=[s._replace(tokens=("Eve", *s.tokens[1:])) for s in SENTENCES]),
        Extractor(system._replace(config=config), params, 1),
        Extractor(system._replace(constants={"word": {"vectors": params["tagging"]}}), params, 1),
    ]
    constrained, calibrated = random_extractor(), random_extractor()
    constrained.constraints = {"Live_In": frozenset({("Peop", "Loc")})}
    calibrated.calibration = Calibration(re=Platt(2.0))
    others += [constrained, calibrated]
    assert run_digest(random_extractor()) == run_digest(extractor)
    assert len({run_digest(each) for each in (extractor, *others)}) == 7


def test_the_input_counts_by_its_contents_and_the_options_by_their_values(
    extractor: Extractor, tmp_path: Path
) -> None:
    for name, text in {"a": "Ann left.", "b": "Ann left.", "c": "Bob left."}.items():
        (tmp_path / name).write_text(text)
    first, same, other = (origin(extractor, str(tmp_path / name), OPTIONS) for name in "abc")
    assert first == same
    assert {key for key in first if first[key] != other[key]} == {"input"}
    assert origin(extractor, str(tmp_path / "a"), {**OPTIONS, "rows": "entities"}) != first
