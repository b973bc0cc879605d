"""The content of a small report, for tests of its page."""

from typing import Any

from cman_jax.page.report import Report, Table
from tests.page.test_comparison import without_relations
from tests.page.test_html import RECORD

MEASURED = {"f1": 62.5, "interval": [50.0, 75.0], "precision": 60.0, "recall": 65.0}
BINS = [{"low": 0.0, "high": 1.0, "count": 12, "mean_prob": 0.8, "share_right": 0.75}]
CURVE = {
    "average_precision": 0.4321,
    "best": {"threshold": 0.3125, "f1": 66.0},
    "points": [{"prob": 0.9, "precision": 1.0, "recall": 0.5}],
}


def found(*types: str) -> dict[str, Any]:
    """Returns an analysis in which the first type is confused, missed and invented."""
    first, *_ = types
    kinds = [(first, types[-1], 3), (first, None, 2), (None, first, 1)]
    mistakes = [{"gold": g, "predicted": p, "count": c, "examples": ["7"]} for g, p, c in kinds]
    row = {"sentences": 2, "ner": MEASURED, "re": MEASURED}
    return {
        "slices": {by: {"all" if by == "all" else "0-9": row} for by in ("all", "length", "distance")},
        "curve": CURVE,
        "agreements": {"ner": {name: 9 for name in types}, "re": {}},
        "confusions": {"ner": mistakes, "re": []},
    }


def report(**changes: Any) -> Report:
    """Returns a report of two epochs with one wrong sentence."""
    dev = {"dev": {"ner": 50.0, "re": 10.0}, "selection": 30.0}
    table = Table("Conventions", ("", "F1"), [("strict", "62.50"), ("boundaries", "70.00")], (0,))
    values = {
        "title": "A & B",
        "headline": [("Entities, F1", "62.50", "95 % interval 50.0 to 75.0")],
        "about": [("Epoch", "2 of 2")],
        "notes": ["train: 3 sentences"],
        "tasks": ["ner", "re"],
        "epochs": [
            {"epoch": 1, "ner_loss": 2.0, "relation_loss": 8.0, "adversarial_loss": 0, "seconds": 5, **dev},
            {"epoch": 2, "ner_loss": 1.0, "relation_loss": 4.0, "adversarial_loss": 0, "seconds": 5, **dev},
        ],
        "epoch": 2,
        "conventions": table,
        "types": [table],
        "found": found("Loc", "Org"),
        "slices": [table],
        "mistakes": [table],
        "reliability": {task: {"error": 0.0625, "bins": BINS} for task in ("ner", "re")},
        "thresholds": {"Work_For": 0.5, "Live_In": 0.5},
        "worst": [(RECORD, without_relations(RECORD))],
    }
    return Report(**{**values, **changes})
