"""JSON of ours is JSON: without the numbers that it cannot express, all from one place."""

from pathlib import Path

import pytest

from cman_jax.data.json_text import json_text

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_json_cannot_express_are_refused(number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_text({"deep": [number]})


def test_layouts_are_those_of_the_standard_library() -> None:
    assert json_text({"ä": (1, 0.5)}) == '{"\\u00e4": [1, 0.5]}'
    assert json_text({"ä": 1}, indent=1, ensure_ascii=False) == '{\n "ä": 1\n}'


def test_no_number_gets_into_json_at_another_place() -> None:
    files = (
        path
        for package in ("cman_jax", "experiments", "data_prep")
        for path in (ROOT / package).rglob("*.py")
    )
    elsewhere = {path.name for path in files if "json.dump" in path.read_text(encoding="utf-8")}
    without_numbers = {"vocab.py", "corpus.py"}
    assert elsewhere - without_numbers == {"json_text.py"}
