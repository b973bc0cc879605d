"""Scores extraction from running text: five sentences a line, beside one sentence a line.

    python -m experiments.running_text --workdir=RUN --data=data/conll04 --out=docs/results/sentences

The test sentences become running text (see experiments/sentences.py). Gold and predicted facts are compared
by characters, types included: strict micro F1 of entities and relations in percent.

  given          one sentence a line
  split          five sentences a line, divided by the library
  line           five sentences a line, read as one sentence
  split, joined  as split; but a dateline or headline without a mark at its end, which elsewhere has a line of
                 its own as in a newspaper, is joined to its neighbours too

Several runs, separated by commas, are listed one by one.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from absl import flags

from cman_jax.app.program import run_main
from cman_jax.app.runtime import start_jax
from cman_jax.data.corpus import load_split
from cman_jax.data.text import Document, from_text, sentences_in
from cman_jax.evaluation.metrics import PRF
from cman_jax.files import json_text, write_json
from cman_jax.inference.extractor import Extractor
from cman_jax.types import Sentence
from experiments.sentences import MARKS, running_text

Facts = set[tuple[Any, ...]]

_PER_LINE = 5


def gold_places(sentence: Sentence, text: str) -> list[tuple[int, int] | None]:
    """Returns the characters of each token in its sentence's running text; None if joining has changed it."""
    places: list[tuple[int, int] | None] = []
    position = 0
    for token in sentence.tokens:
        start = text.find(token, position)
        near = 0 <= start <= position + 8  # brackets and quotes before it may look otherwise in the text
        places.append((start, start + len(token)) if near else None)
        position = start + len(token) if near else position
    return places


def gold_facts(sentence: Sentence, text: str, offset: int) -> tuple[Facts, Facts]:
    """Returns the gold entities and relations of a sentence by characters of its line."""
    places = gold_places(sentence, text)
    spans = []
    for entity in sentence.entities:
        first, last = places[entity.start], places[entity.end - 1]
        start, end = (first or (-1, -1))[0], (last or (-1, -1))[1]
        spans.append((start + offset, end + offset, entity.type))
    relations = {(spans[r.subject], spans[r.object], r.type) for r in sentence.relations}
    return set(spans), relations


def f1(gold: Facts, predicted: Facts) -> float:
    """Returns F1 in percent."""
    counts = PRF(len(gold & predicted), len(predicted - gold), len(gold - predicted))
    return round(counts.f1, 2)


def score(extractor: Extractor, documents: Sequence[Document], gold: tuple[Facts, Facts]) -> dict[str, float]:
    """Returns the F1 of entities and relations of documents whose ids are the numbers of their lines."""
    entities: Facts = set()
    relations: Facts = set()
    for record in extractor.records(documents):
        line, first = int(record["document"].split(".")[0]), record["document_start"]
        spans = [
            (line, e["start_char"] + first, e["end_char"] + first, e["type"]) for e in record["entities"]
        ]
        entities |= set(spans)
        relations |= {(spans[r["subject"]], spans[r["object"]], r["type"]) for r in record["relations"]}
    return {"ner": f1(gold[0], entities), "re": f1(gold[1], relations)}


def groups_of(sentences: Sequence[Sentence], *, join_all: bool) -> list[list[Sentence]]:
    """Returns the sentences of each line; without `join_all`, one without a mark at its end is alone."""
    marked = [s for s in sentences if join_all or running_text(s.tokens)[-1] in MARKS]
    alone = [[s] for s in sentences if not join_all and running_text(s.tokens)[-1] not in MARKS]
    return [marked[k : k + _PER_LINE] for k in range(0, len(marked), _PER_LINE)] + alone


def lines_of(groups: Sequence[Sequence[Sentence]]) -> tuple[list[list[tuple[int, str]]], tuple[Facts, Facts]]:
    """Returns the lines, each as (offset, text) of its sentences, and all gold facts with their line."""
    lines, entities, relations = [], set(), set()
    for number, group in enumerate(groups):
        line, offset = [], 0
        for sentence in group:
            text = running_text(sentence.tokens)
            spans, links = gold_facts(sentence, text, offset)
            entities |= {(number, *span) for span in spans}
            relations |= {((number, *s), (number, *o), kind) for s, o, kind in links}
            line.append((offset, text))
            offset += len(text) + 1
        lines.append(line)
    return lines, (entities, relations)


def documents_of(lines: Sequence[Sequence[tuple[int, str]]], how: str) -> list[Document]:
    """Returns the documents of lines as they are given, divided by the library, or each as one sentence."""
    if how == "given":
        return [
            from_text(text, f"{number}.{k}")._replace(document=str(number), start=offset)
            for number, line in enumerate(lines)
            for k, (offset, text) in enumerate(line)
        ]
    whole = [" ".join(text for _, text in line) for line in lines]
    if how == "line":
        return [from_text(text, str(number)) for number, text in enumerate(whole)]
    return [document for number, text in enumerate(whole) for document in sentences_in(text, str(number))]


def main(argv: Sequence[str]) -> None:
    """Scores as the flags say."""
    del argv
    start_jax()
    f = flags.FLAGS
    sentences = load_split(f.data, "test")
    results: dict[str, Any] = {}
    for workdir in f.workdir:
        extractor = Extractor.as_configured(workdir)
        found = results.setdefault("/".join(Path(workdir).parts[-2:]), {})
        for join_all, names in ((False, ("given", "split", "line")), (True, ("split",))):
            lines, gold = lines_of(groups_of(sentences, join_all=join_all))
            for name in names:
                title = f"{name}, joined" if join_all else name
                found[title] = score(extractor, documents_of(lines, name), gold)
    print(json_text(results, indent=1))
    write_json(Path(f.out) / "running_text.json", results)


if __name__ == "__main__":
    flags.DEFINE_list("workdir", None, "Folders of training runs.", required=True)
    flags.DEFINE_string("data", "data/conll04", "Folder with test.jsonl.")
    flags.DEFINE_string("out", "docs/results/sentences", "Folder for running_text.json.")
    run_main(main)
