"""Values that no flag expects, by the kind of the flag, and words that no program expects."""

from collections.abc import Sequence

_TEXTS = (
    "",
    " ",
    "nan",
    "-1",
    "true",
    "None",
    "a b",
    "é\u2028",
    "two\nlines",
    "\udcff",
    "," * 10_000,
    "x" * 5000,
)
_NUMBERS = (
    *(
        "",
        " ",
        "nan",
        "inf",
        "-inf",
        "-1",
        "0",
        "-0.0",
        "0.5",
        "1.0",
        "2",
        "7",
        "true",
        "three",
        "0x10",
        "1e400",
    ),
    *("1e-400", "10" * 15, "9" * 5000, "1,5", "1_000", "٣", "1e5", "100000", "two\nlines"),
)
_PATHS = (
    *("", " ", ".", "missing", "missing/deeper", "folder", "data", "run", "file", "file/deeper", "empty"),
    *("unreadable", "locked", "locked/file", "dangling", "loop", "null", "full", "data/train.jsonl"),
    *(
        "run/config.json",
        "run/metrics.jsonl",
        "x" * 300,
        "two\nlines",
        "é\u2028",
        "\udcff",
        "~",
        "tfds:none",
        "-",
    ),
)
_ARE_PATHS = {
    *(
        "workdir",
        "data",
        "data_dir",
        "vectors",
        "negatives",
        "encoder",
        "features",
        "constraints",
        "page",
        "out",
    ),
    *(
        "output",
        "input",
        "compilation_cache",
        "config",
        "source",
        "compare",
        "document",
        "rest",
        "ade",
        "conll04",
    ),
}
_BOOLEANS = ("", "true", "1", "maybe", "-1", "no", "NONE", "2")

ODD_WORDS = (
    *("--frobnicate", "--frobnicate=1", "positional", "", " ", "--", "-", "---data=data", "--=", "=", "--=1"),
    *(
        "--config.=1",
        "--config.model",
        "--config.model=3",
        "--config.model.start=1",
        "--config.model.lstm_dim",
    ),
    *(
        "--noconfig.model.null_relation",
        "--config.model.lstm_dim.x=1",
        "--noworkdir",
        "--nodata=data",
        "--data",
    ),
    *(
        "--flagfile=missing",
        "--flagfile=data/train.jsonl",
        "--flagfile=folder",
        "--undefok=",
        "--verbosity=loud",
    ),
    *("--stderrthreshold=loud", "--help", "--helpxml", "--help=1", "-h", "--two\nlines", "--\udcff=1", "-é"),
)
"""Words of a command line that are no flag of it."""
CONTRADICTIONS: Sequence[Sequence[str]] = (
    ("--per_relation",),
    ("--tune_threshold", "--threshold=dev"),
    ("--tune_threshold", "--per_relation", "--split=train"),
    ("--calibrate", "--split=train"),
    ("--threshold=dev",),
    ("--resume", "--input=-"),
    ("--resume", "--to=brat", "--output=folder"),
    ("--resume", "--output=-"),
    ("--to=html", "--output=-"),
    ("--to=brat", "--output=file"),
    ("--input=text.jsonl", "--output=text.jsonl"),
    ("--input=text.jsonl", "--format=text", "--sentences=line"),
    ("--input=data", "--output=data"),
    ("--shard=0/0",),
    ("--shard=5/3",),
    ("--split=1,1,1",),
    ("--split=0,0,0", "--data=data/train.jsonl"),
    ("--split=0.8,0.1,0.1", "--data=data/train.jsonl"),
    ("--population=2", "--num_devices=3"),
    ("--features=missing", "--encoder=missing"),
    ("--config.encoder.trained_layers=1",),
    ("--config.encoder.trained_layers=all", "--features=folder"),
    ("--negatives=file", "--negatives_share=0.95"),
    ("--negatives=empty",),
    ("--negatives=data/train.jsonl",),
    ("--workdir=run", "--config.training.num_epochs=1"),
    ("--workdir=run", "--config.training.num_epochs=2"),
    ("--workdir=run", "--config.model.lstm_dim=9"),
    ("--workdir=data",),
    ("--data=run",),
    ("--tokens=missing", "--sentences=line"),
    ("--format=brat", "--data=data"),
    ("--data_dir=folder", "--data=data"),
    ("--bio_constraints", "--nobio_constraints"),
    ("--version=1.0", "--version=x"),
    ("--config=ade", "--config=conll04"),
    ("--max_bytes=0", "--max_texts=0"),
    ("--batch_sentences=100000000", "--max_waiting=1"),
)
"""Flags that a program knows, but not together, or not with the corpus and the run that are there."""


def values_of(name: str, kind: str, choices: Sequence[str] | None) -> Sequence[str]:
    """Returns nasty values of a flag, and some that it may take.

    Args:
      name: the flag's name.
      kind: its type, as absl or Python names it.
      choices: the values that it takes; None: no list of values.
    """
    if choices:
        return [*choices, choices[0].upper(), f"{choices[0]},{choices[-1]}", *_TEXTS]
    if kind in ("bool",):
        return _BOOLEANS
    if kind in ("int", "float", "number or dev"):
        return _NUMBERS
    if name in _ARE_PATHS:
        return _PATHS
    return [*_TEXTS, *_NUMBERS, *_PATHS]
