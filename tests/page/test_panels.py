"""The panels draw the numbers that they are called with."""

import math
from typing import Any

import pytest

from cman_jax.page import panels

figure = pytest.importorskip("matplotlib.figure", reason="needs the extra plots")

ROW = {"f1": 50.0, "interval": [40.0, 70.0]}


@pytest.fixture
def axes() -> Any:
    return figure.Figure().subplots()


def test_curves_have_a_gap_where_a_number_is_missing_and_a_line_at_the_epoch(axes: Any) -> None:
    panels.draw_epochs(axes, [1, 2, 3], {"a": [4.0, math.nan, 1.0], "b": [1.0, 2.0, 3.0]}, 2, "loss", True)
    first, second, chosen = axes.lines
    assert list(map(str, first.get_ydata())) == ["4.0", "nan", "1.0"]
    assert first.get_linestyle() != second.get_linestyle()
    assert list(chosen.get_xdata()) == [2, 2]
    assert (axes.get_yscale(), axes.get_xlabel()) == ("log", "epoch; the run uses epoch 2")


def test_bars_stand_beside_each_other_and_alone_in_the_middle(axes: Any) -> None:
    panels.draw_slices(axes, {"0-19": {"ner": ROW, "re": ROW}, ">=20": {"ner": ROW, "re": ROW}}, "tokens")
    assert [bar.get_center()[0] for bar in axes.patches] == pytest.approx([-0.2, 0.8, 0.2, 1.2])
    alone = figure.Figure().subplots()
    panels.draw_slices(alone, {"0-19": {"ner": ROW}}, "tokens")
    (bar,) = alone.patches
    assert (bar.get_center()[0], bar.get_height()) == pytest.approx((0, 50))
    assert [text.get_text() for text in alone.get_legend().get_texts()] == ["NER"]


def test_an_error_bar_has_no_negative_length(axes: Any) -> None:
    panels.draw_slices(axes, {"a": {"ner": {"f1": 30.0, "interval": [40.0, 70.0]}}}, "tokens")
    ((low, high),) = [segment[:, 1] for segment in axes.collections[0].get_segments()]
    assert (low, high) == (30.0, 70.0)


def test_reliability_shows_filled_bins_with_their_counts(axes: Any) -> None:
    empty = {"count": 0, "mean_prob": 0.0, "share_right": 0.0}
    bins = [empty, {"count": 7, "mean_prob": 0.3, "share_right": 0.5}, empty]
    panels.draw_reliability(axes, bins, "mean")
    assert axes.lines[1].get_xydata().tolist() == [[0.3, 0.5]]
    assert [text.get_text() for text in axes.texts] == ["7"]


def test_the_run_s_threshold_is_a_point_of_the_curve(axes: Any) -> None:
    points = [{"prob": 0.9, "precision": 1.0, "recall": 0.2}, {"prob": 0.4, "precision": 0.5, "recall": 0.6}]
    panels.draw_precision_recall(axes, {"points": points, "average_precision": 0.4}, (0.2, 1.0))
    assert axes.lines[0].get_xydata().tolist() == [[0.2, 1.0], [0.6, 0.5]]
    assert axes.lines[1].get_xydata().tolist() == [[0.2, 1.0]]
    bare = figure.Figure().subplots()
    panels.draw_precision_recall(bare, {"points": [], "average_precision": 0.0})
    assert len(bare.lines) == 1
