"""The plots of a report have their numbers in words, and need no number in every epoch."""

from typing import Any

import pytest

from cman_jax.page.report_plots import number_of, training_plots

pytest.importorskip("matplotlib", reason="needs the extra plots")


def words(plots: list) -> list[str]:
    """Returns the captions, with the last numbers of the curves."""
    return [str(plot.svg).partition('aria-label="')[2].partition('"')[0] for plot in plots]


@pytest.mark.parametrize(
    ("epochs", "expected"),
    [
        ([{"epoch": 1, "ner_loss": 2.0, "dev": {"ner": 5.0}, "selection": None}], ["entities 2", "NER 5"]),
        ([{"epoch": 1, "ner_loss": 2.0, "selection": None}], ["entities 2"]),
        ([{"epoch": 1, "ner_loss": "much", "dev": 3}], []),
        ([], []),
    ],
)
def test_curves_need_no_number_in_every_epoch(epochs: list[dict[str, Any]], expected: list[str]) -> None:
    found = words(training_plots(["ner", "re"], epochs, 1))
    assert [text.partition("After the last epoch: ")[2] for text in found] == [f"{e}." for e in expected]


def test_the_mean_of_one_task_is_not_drawn_beside_it() -> None:
    rows = [{"epoch": 1, "dev": {"ner": 5.0, "re": 0.0}, "selection": 5.0}]
    caption = "F1 on dev under the run's convention, by epoch. After the last epoch:"
    assert words(training_plots(["ner"], rows, 1)) == [f"{caption} NER 5."]
    assert words(training_plots(["ner", "re"], rows, 1)) == [f"{caption} NER 5; RE 0; mean 5."]


def test_a_number_may_lie_deeper_or_be_missing() -> None:
    row = {"epoch": 1, "dev": {"ner": 5}}
    assert number_of(row, ("dev", "ner")) == 5.0
    for key in ("seconds", ("dev", "re"), ("epoch", "ner")):
        assert str(number_of(row, key)) == "nan"
