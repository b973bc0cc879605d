"""The script that writes the example pages of the site: found sentences, a comparison, and a report.

    python -m docs.site.examples FOLDER

All sentences are invented. No network made the annotations: those of the first two pages are written by hand,
and those of the report are the gold with random mistakes. The same code writes the same bytes.
"""

import random
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cman_jax.app.reporting import report_of
from cman_jax.config import ScoringConfig
from cman_jax.evaluation.analysis.summary import judge
from cman_jax.evaluation.metrics import score
from cman_jax.files import write_atomically
from cman_jax.page.comparison import render_comparison
from cman_jax.page.html import render
from cman_jax.page.report import render_report
from cman_jax.types import Annotation, Entity, Relation, Sentence
from data_prep.generated.corpus import generate_splits
from data_prep.generated.lexicon import ENTITY_TYPES

FOUND = (
    ("[Jane Roe|Peop|.998] works for [Acme Corp.|Org|.98] in [Boston|Loc|.92].", "0 Work_For 1 .97"),
    (
        "[Ann Lee|Peop|.99], who lives in [Oslo|Loc|.97], writes for the [Nordmark Times|Org|.91].",
        "0 Live_In 1 .93; 0 Work_For 2 .88",
    ),
    ("[Port Ellery|Loc|.95] is the largest town of [Westmarch|Loc|.93].", "0 Located_In 1 .9"),
    ("The ferry was late again on Tuesday.", ""),
    (
        "[Harlow Bank|Org|.96], based in [Port Ellery|Loc|.94], said that its chairman, "
        "[Otto Venn|Peop|.98], would move to [Oslo|Loc|.9] in [May|Other|.41].",
        "0 OrgBased_In 1 .91; 2 Work_For 0 .84; 2 Live_In 3 .52",
    ),
    ("A jury found that [Ivo Marsh|Peop|.97] had shot [Carl Tennant|Peop|.96] in 1987.", "0 Kill 1 .95"),
)
"""Sentences with entities as [text|type|probability], and relations as "subject type object probability"."""

COMPARED = (
    (*FOUND[0], *FOUND[0]),
    (
        "[Ann Lee|Peop], who lives in [Oslo|Loc], writes for the [Nordmark Times|Org].",
        "0 Live_In 1; 0 Work_For 2",
        "[Ann Lee|Peop|.99], who lives in [Oslo|Loc|.97], writes for the [Nordmark Times|Loc|.55].",
        "0 Live_In 1 .93; 0 Live_In 2 .51",
    ),
    (
        "[Harlow Bank|Org], based in [Port Ellery|Loc], said that [Otto Venn|Peop] would move.",
        "0 OrgBased_In 1; 2 Work_For 0",
        "[Harlow Bank|Org|.9], based in [Port|Loc|.6] Ellery, said that [Otto Venn|Peop|.98] would move.",
        "2 Work_For 0 .84",
    ),
    ("The ferry was late again on Tuesday.", "", "The ferry was late again on [Tuesday|Other|.58].", ""),
)
"""Gold sentences and relations, then predicted ones, in the form of `FOUND`."""

SIMULATED = "Example: every sentence is invented, and every prediction, probability and curve is simulated."
_MARK = re.compile(r"\[([^|\]]+)\|(\w+)(?:\|([\d.]+))?\]")


def write_examples(folder: Path) -> None:
    """Writes `found.html`, `errors.html` and `report.html`.

    Args:
      folder: the folder of the pages, which is made if it does not exist.
    """
    pages = {
        "found.html": render([record(*one, str(k)) for k, one in enumerate(FOUND, 1)], "Found"),
        "errors.html": render_comparison(
            [(record(*one[:2], str(k)), record(*one[2:], str(k))) for k, one in enumerate(COMPARED, 1)],
            "Gold and predicted",
        ),
        "report.html": simulated_report(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages.items():
        write_atomically(folder / name, text.encode())


def record(marked: str, relations: str, name: str) -> dict[str, Any]:
    """Returns a record in the form that pages show.

    Args:
      marked: the text with its entities.
      relations: the relations.
      name: the id.
    """
    text, entities, end = "", [], 0
    for found in _MARK.finditer(marked):
        text += marked[end : found.start()]
        span = {"start_char": len(text), "end_char": len(text) + len(found[1])}
        entities.append({"type": found[2], **span, **_probability(found[3])})
        text, end = text + found[1], found.end()
    rows = [row.split() for row in relations.split("; ") if row]
    links = [
        {"subject": int(subject), "type": kind, "object": int(object_), **_probability(*rest)}
        for subject, kind, object_, *rest in rows
    ]
    return {"id": name, "text": text + marked[end:], "entities": entities, "relations": links}


def _probability(text: str | None = None) -> dict[str, float]:
    """Returns the key of a probability; nothing for gold facts, which have none."""
    return {} if text is None else {"probability": float(text)}


def simulated_report() -> str:
    """Returns the report of a training that did not take place, on sentences of the generated corpus."""
    sizes = {"train": 200, "dev": 1, "test": 160}
    splits, rng = generate_splits(sizes, seed=0), random.Random(0)
    gold, train, scoring = list(splits["test"]), list(splits["train"]), ScoringConfig()
    relation_types = sorted({relation.type for each in train for relation in each.relations})
    types = {"entity_types": sorted(set(ENTITY_TYPES.values())), "relation_types": relation_types}
    thresholds = dict.fromkeys(relation_types, 0.5)
    candidates = [simulated(sentence, relation_types, types["entity_types"], rng) for sentence in gold]
    judged = judge(gold, candidates, thresholds, scoring, **types)
    report = report_of(
        judged,
        score(gold, judged.annotations, **types),
        scoring,
        train,
        title="Example of a report",
        about=[("Sentences", f"{len(gold)}, invented"), ("Network", "none: the predictions are simulated")],
        notes=[SIMULATED],
        epochs=[epoch_row(number) for number in range(1, 13)],
        epoch=11,
    )
    return render_report(report)


def simulated(
    sentence: Sentence, relation_types: list[str], entity_types: list[str], rng: random.Random
) -> Annotation:
    """Returns the gold annotation of a sentence with random mistakes and probabilities.

    Args:
      sentence: the sentence.
      relation_types, entity_types: the types that mistakes are drawn from.
      rng: the source of random numbers.
    """
    kept, entities, entity_prob = {}, [], []
    for index, entity in enumerate(sentence.entities):
        prob = rng.betavariate(9, 1)
        if rng.random() < 0.05:
            continue
        wrong = rng.random() > prob
        kept[index] = len(entities)
        entities.append(Entity(entity.start, entity.end, rng.choice(entity_types) if wrong else entity.type))
        entity_prob.append(prob)
    pairs = {(r.subject, r.object): r.type for r in sentence.relations if {r.subject, r.object} <= {*kept}}
    found = [(kept[s], kept[o], kind, rng.betavariate(5, 1)) for (s, o), kind in pairs.items()]
    if len(entities) > 1:  # a pair that the gold connects otherwise, or not at all
        s, o = rng.sample(sorted(kept), 2)
        if (s, o) not in pairs:
            found.append((kept[s], kept[o], rng.choice(relation_types), rng.betavariate(1, 2)))
    relations = tuple(Relation(s, o, kind) for s, o, kind, _ in found)
    probs = tuple(prob for *_, prob in found)
    triples = tuple(
        p * entity_prob[r.subject] * entity_prob[r.object] for r, p in zip(relations, probs, strict=True)
    )
    return Annotation(tuple(entities), relations, tuple(entity_prob), probs, triples)


def epoch_row(number: int) -> Mapping[str, Any]:
    """Returns the simulated row of an epoch in metrics.jsonl.

    Args:
      number: the number of the epoch, from 1 on.
    """
    left = 0.65**number
    dev = {"ner": 92 - 60 * left, "re": max(0.0, 74 - 140 * left)}
    losses = {"ner_loss": 18 * left, "relation_loss": 90 * left, "adversarial_loss": 110 * left}
    return {"epoch": number, **losses, "seconds": 30.0, "dev": dev, "selection": sum(dev.values()) / 2}


if __name__ == "__main__":
    write_examples(Path(sys.argv[1]))
