"""Measures how well libraries divide running text into sentences: F1 of the ends of sentences, and speed.

    python -m experiments.sentences --conll04=data/conll04 --ade=ADE_FOLDER --out=docs/results/sentences

The text is made of the corpora's sentences: tokens are joined as in running text, and five sentences by
spaces. An end is right if the corpus has it too. The last end of a text is given, and does not count. `with
marks` counts only ends after a period, a question mark, an exclamation mark, a quote or a bracket: a sixth of
CoNLL04's sentences are datelines or headlines without one. The speed is that on training text. Libraries
that are not installed are skipped: pip install pysbd spacy blingfire syntok.
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from absl import flags
from nltk.tokenize.punkt import PunktSentenceTokenizer
from nltk.tokenize.treebank import TreebankWordDetokenizer

from cman_jax.app.program import run_main
from cman_jax.data.corpus import load_split
from cman_jax.data.formats.spert import read_spert
from cman_jax.data.sentences import split_sentences
from cman_jax.files import json_text, write_json

Splitter = Callable[[str], list[int]]
"""Returns the end of each sentence of a text."""

MARKS = ".?!\"')"
"""The last characters of a sentence that ends with a mark."""

_PER_TEXT, _AT_MOST, _PARTS = 5, 300, 5
_BRACKETS = {"-LRB-": "(", "-RRB-": ")", "-LCB-": "{", "-RCB-": "}", "``": '"', "''": '"'}


def running_text(tokens: Sequence[str]) -> str:
    """Returns the tokens of a sentence as running text; two quotes in a row are a double quote."""
    words: list[str] = []
    for token in tokens:
        if token in ("'", "`") and words and words[-1] == token:
            words[-1] = '"'
        else:
            words.append(_BRACKETS.get(token, token))
    before, *quoted = TreebankWordDetokenizer().detokenize(words).split('"')
    for number, piece in enumerate(quoted):
        if number % 2 == 0:  # the piece is inside quotes
            before = f'{before.rstrip()} "{piece.strip()}'
        else:
            space = "" if piece.strip()[:1] in (*".,;:)", "") else " "
            before = f'{before}"{space}{piece.strip()}'
    return before.strip()


def texts_of(sentences: Sequence[Sequence[str]]) -> Iterator[tuple[str, list[int]]]:
    """Yields texts of five sentences, and the end of each sentence."""
    for first in range(0, len(sentences), _PER_TEXT):
        text, ends = "", []
        for tokens in sentences[first : first + _PER_TEXT]:
            text = f"{text} {running_text(tokens)}".strip()
            ends.append(len(text))
        yield text, ends


def measure(splitter: Splitter, texts: Sequence[tuple[str, list[int]]]) -> dict[str, float]:
    """Returns precision, recall and F1 in percent, and recall of ends with marks."""
    found = [splitter(text) for text, _ in texts]
    right = wrong = missed = marked = marked_right = 0
    for ends, (text, gold) in zip(found, texts, strict=True):
        ours, theirs = set(ends) - {len(text)}, set(gold[:-1])
        right, wrong, missed = (
            right + len(ours & theirs),
            wrong + len(ours - theirs),
            missed + len(theirs - ours),
        )
        with_marks = {end for end in theirs if text[end - 1] in MARKS}
        marked, marked_right = marked + len(with_marks), marked_right + len(with_marks & ours)
    recall, recall_with_marks = right / (right + missed), marked_right / marked
    precision = right / (right + wrong)
    values = {
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / (precision + recall),
        "recall_with_marks": recall_with_marks,
        "f1_with_marks": 2 * precision * recall_with_marks / (precision + recall_with_marks),
    }
    return {name: round(100 * value, 2) for name, value in values.items()}


def speed(splitter: Splitter, texts: Sequence[str]) -> float:
    """Returns megabytes per second, for the fastest of several parts.

    No text is timed twice, because some libraries remember what they have read.
    """
    speeds = []
    for part in (texts[k::_PARTS] for k in range(_PARTS)):
        start = time.perf_counter()
        for text in part:
            splitter(text)
        speeds.append(sum(len(text.encode()) for text in part) / (time.perf_counter() - start))
    return round(max(speeds) / 1e6, 2)


def splitters() -> dict[str, Splitter]:
    """Returns the installed libraries by name."""
    plain = PunktSentenceTokenizer()
    found: dict[str, Splitter] = {
        "this library (Punkt with tables)": lambda text: [end for _, end in split_sentences(text)],
        "nltk Punkt, untrained": lambda text: [end for _, end in plain.span_tokenize(text)],
    }
    for name, make in {"pysbd": _pysbd, "spacy": _spacy, "blingfire": _blingfire, "syntok": _syntok}.items():
        try:
            found[name] = make()
        except ImportError:
            print(f"{name} is not installed")
    return found


def _pysbd() -> Splitter:
    import pysbd

    segmenter = pysbd.Segmenter(language="en", clean=False, char_span=True)
    return lambda text: [span.start + len(span.sent.rstrip()) for span in segmenter.segment(text)]


def _spacy() -> Splitter:
    import spacy

    pipeline = spacy.blank("en")
    pipeline.add_pipe("sentencizer")
    return lambda text: [sentence.end_char for sentence in pipeline(text).sents]


def _blingfire() -> Splitter:
    import blingfire

    return lambda text: [end for _, end in blingfire.text_to_sentences_and_offsets(text)[1]]


def _syntok() -> Splitter:
    from syntok import segmenter

    return lambda text: [
        sentence[-1].offset + len(sentence[-1].value)
        for paragraph in segmenter.analyze(text)
        for sentence in paragraph
    ]


def main(argv: Sequence[str]) -> None:
    """Measures as the flags say."""
    del argv
    f = flags.FLAGS
    ade, ade_train = (
        [s.tokens for s in read_spert(Path(f.ade) / f"ade_split_0_{split}.json").sentences]
        for split in ("test", "train")
    )
    conll04, conll04_train = ([s.tokens for s in load_split(f.conll04, split)] for split in ("test", "train"))
    corpora = {
        "conll04": (conll04, conll04_train),
        "ade": (random.Random(0).sample(ade, _AT_MOST), ade_train),
    }
    results: dict[str, Any] = {}
    for corpus, (test, train) in corpora.items():
        texts, others = list(texts_of(test)), [text for text, _ in texts_of(train)]
        results[corpus] = {
            name: {**measure(splitter, texts), "megabytes_per_second": speed(splitter, others)}
            for name, splitter in splitters().items()
        }
    write_json(Path(f.out) / "sentences.json", results)
    print(json_text(results, indent=1))


if __name__ == "__main__":
    flags.DEFINE_string("conll04", "data/conll04", "Folder with CoNLL04's test.jsonl.")
    flags.DEFINE_string("ade", None, "Folder of SpERT's files of ADE.", required=True)
    flags.DEFINE_string("out", "docs/results/sentences", "Folder for sentences.json.")
    run_main(main)
