"""Command lines with wrong, empty, huge and contradictory values, beside a corpus and a finished run.

A program that works for minutes, or downloads, only parses its command line.
"""

import functools
import hashlib
import json
import os
import random
import shutil
import stat
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cman_jax.config import Config, to_dict
from cman_jax.files import json_text, write_atomically
from experiments.faults.ends import Ended, check_end, outcome_of
from experiments.faults.nasty_values import CONTRADICTIONS, ODD_WORDS, values_of
from experiments.faults.permissions import without_override
from experiments.faults.row import Row, demand
from experiments.faults.workplace import TINY, Workplace, run

_RUN = ("--workdir=run", "--data=data")
_LONG = ("benchmark", "reproduce", "quickstart", "trust", "sentences", "running_text", "load", "faults")
_BASES = {
    "cman train": ("--config=generated", "--data=data", "--workdir=new", "--num_devices=1", "--noreport"),
    "cman evaluate": (*_RUN, "--split=dev"),
    "cman report": (*_RUN, "--split=dev"),
    "cman extract": ("--workdir=run", "--input=text.jsonl", "--output=found.jsonl"),
    "cman serve": ("--workdir=run", "--port=0"),
    "cman validate": ("--data=data",),
    "cman convert": ("--data=data", "--out=converted"),
    "cman package": ("--workdir=run", "--name=my-model", "--out=dist"),
    "cman export": ("--workdir=run", "--out=exported"),
    "python -m experiments.analyse": (*_RUN, "--split=dev"),
    "python -m data_prep.generated": ("--out=made", "--num_train=5", "--num_dev=2", "--num_test=2"),
    "python -m data_prep.conll04": ("--source=data", "--out=made"),
    "python -m data_prep.ade": ("--source=data", "--out=made"),
    "python -m data_prep.vectors": ("--data=data", "--out=made.gz"),
    "python -m data_prep.features": ("--encoder=run", "--data=data", "--out=made"),
    "python -m data_prep.tfds": ("--source=data", "--data_dir=made"),
    "parse python -m data_prep.download": ("--out=made",),
    **{f"parse python -m experiments.{name}": () for name in _LONG},
}
"""A command line of every program that it takes, except that sources of corpora and encoders are missing."""
_WEIGHTS = {"cman report": 1, "cman serve": 1, "cman export": 1, "cman package": 1, "cman validate": 6}
_WRITTEN = {
    "cman train": ("",),
    "cman evaluate": ("run/scores.json", "run/predictions", "run/calibration.json", "run/manifest.json"),
    "cman report": ("run/report.html",),
    "python -m experiments.analyse": ("run/analysis", "run/manifest.json"),
}
"""The beginnings of the names of the files that a program writes into the run or, for training, anywhere."""
_OUTPUTS = ("page", "out", "output", "document", "rest")
_SECONDS = 25.0  # of computing; then a program gets SIGTERM, which ends a training with thousands of epochs
_MEMORY = 6 * 2**30


class Prepared(NamedTuple):
    """What the attempts share: the folder to copy, the compiled programs, and the flags of each program."""

    sample: Path
    compiled: Path
    flags: dict[str, list[dict[str, Any]]]


def prepare(folder: Path) -> Prepared:
    """Makes the corpus and the run, and asks every program for its flags."""
    place, sample = Workplace(folder / "place"), folder / "sample"
    if not (sample / "run" / "scores.json").exists():
        shutil.rmtree(sample, ignore_errors=True)
        shutil.copytree(place.data, sample / "data")
        shutil.copyfile(place.data / "dev.jsonl", sample / "text.jsonl")
        write_atomically(sample / "file", b"Ann left Acme.\n")
        done = run(place.training(sample / "run", **{"training.num_epochs": 1}))
        assert not done.returncode, done.stderr
    compiled = place.folder / "compiled"
    return Prepared(sample, compiled, {name: _flags_of(name, folder) for name in _BASES})


def attempt(prepared: Prepared, folder: Path, rng: random.Random) -> str:
    """Runs one command line, and checks its end and the files."""
    _furnish(prepared.sample, folder)
    name = rng.choice([name for name in _BASES for _ in range(_WEIGHTS.get(name, 3))])
    base = [*_BASES[name], *_common(prepared, name)]
    words = [*name.split(), *_spoiled(base, prepared.flags[name], rng)]
    before = _digests(folder)
    ended = _ask(words, folder, "http://" if name == "cman serve" else "")
    shown = " ".join(word if len(word) < 200 else f"{word[:80]}..." for word in words)
    check_end(ended, (0, 1, 2, *([75] * (name == "cman train"))), shown, several=name == "cman validate")
    after = _digests(folder)
    for path, digest in before.items():
        if after.get(path) != digest and not _may_write(name, words, path):
            demand(False, f"{shown!r} changed {path}")
    return outcome_of(ended)


def _common(prepared: Prepared, name: str) -> list[str]:
    """Returns the flags that make a program quick."""
    known = {flag["name"] for flag in prepared.flags[name]}
    quick = [f"--compilation_cache={prepared.compiled}"] if "compilation_cache" in known else []
    if name == "cman train":
        quick += [f"--config.{field}={value}" for field, value in {**TINY, "training.num_epochs": 1}.items()]
    return quick


def _spoiled(base: Sequence[str], known: Sequence[dict[str, Any]], rng: random.Random) -> list[str]:
    """Returns a command line with one to three flags replaced or added."""
    words = list(base)
    for _ in range(rng.randint(1, 3)):
        kind = rng.randrange(10)
        if kind == 0:
            words.insert(rng.randrange(len(words) + 1), rng.choice(ODD_WORDS))
        elif kind == 1:
            words += rng.choice(CONTRADICTIONS)
        elif kind == 2 and words:
            words.remove(rng.choice(words))
        elif kind < 5 and any(flag["name"] == "config" for flag in known):
            fields = {
                f"config.{section}.{field}": value
                for section, inside in to_dict(Config()).items()
                for field, value in inside.items()
            }
            field, value = rng.choice(list(fields.items()))
            words.append(f"--{field}={rng.choice(values_of(field, type(value).__name__, None))}")
        else:
            _replace(words, rng.choice(known), rng)
    return words


def _replace(words: list[str], flag: dict[str, Any], rng: random.Random) -> None:
    """Gives a flag a nasty value: in the place of its value, behind it, or without a value."""
    name, value = flag["name"], rng.choice(values_of(flag["name"], flag["type"], flag["choices"]))
    if rng.random() < 0.8:
        words[:] = [word for word in words if not word.startswith(f"--{name}=")]
    words.append(rng.choice([*[f"--{name}={value}"] * 8, f"--{name}", f"--no{name}=1"]))


def _furnish(sample: Path, folder: Path) -> None:
    """Copies the corpus and the run into a folder, beside places that cannot be read or written."""
    shutil.copytree(sample, folder, dirs_exist_ok=True)
    for name in ("folder", "locked"):
        (folder / name).mkdir()
    for name in ("empty", "unreadable"):
        (folder / name).touch()
    for name, target in (("dangling", "nowhere"), ("loop", "loop")):
        (folder / name).symlink_to(target)
    if os.geteuid() == 0:  # the machine's own devices could be replaced
        for name, minor in (("null", 3), ("full", 7)):
            os.mknod(folder / name, stat.S_IFCHR | 0o666, os.makedev(1, minor))
    (folder / "unreadable").chmod(0)
    (folder / "locked").chmod(0)


def _digests(folder: Path) -> dict[str, str]:
    """Returns the digest of every file of the corpus and of the run."""
    files = [path for part in ("data", "run") for path in (folder / part).rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _may_write(name: str, words: Sequence[str], path: str) -> bool:
    """Returns whether a command line says that a file be written."""
    named = {f"--{flag}={path}" for flag in _OUTPUTS}
    inside = path.startswith(_WRITTEN.get(name, ())) and path.startswith("run/")
    return bool(named & set(words)) or (bool(_WRITTEN.get(name)) and inside)


@functools.cache
def _server() -> subprocess.Popen:
    """Starts the process that runs command lines in its children, without root's right to read everything."""
    command = [sys.executable, "-W", "ignore", "-m", "experiments.faults.forked"]
    environment = {**os.environ, "JAX_DISABLE_MOST_OPTIMIZATIONS": "1", "JAX_PLATFORMS": "cpu"}
    pipe = subprocess.PIPE
    return subprocess.Popen(without_override(command), stdin=pipe, stdout=pipe, text=True, env=environment)


def _ask(words: Sequence[str], folder: Path, stop_at: str = "") -> Ended:
    """Returns the end of a command line that is run in a folder."""
    server, limits = _server(), {"seconds": _SECONDS, "memory": _MEMORY, "stop_at": stop_at}
    try:
        server.stdin.write(json_text({"words": list(words), "folder": str(folder), **limits}) + "\n")
        server.stdin.flush()
        return Ended(*json.loads(server.stdout.readline()))
    except BaseException:
        server.kill()
        _server.cache_clear()
        raise


def _flags_of(name: str, folder: Path) -> list[dict[str, Any]]:
    """Returns the flags of a program."""
    words = name.removeprefix("parse ").split()
    ended = _ask(["flags", *words], folder)
    assert not ended.status, ended.stderr
    return json.loads(ended.stdout)


ROWS = (
    Row(
        "flags",
        "wrong, empty, huge and contradictory values of every flag of every command",
        2000,
        "one line, the documented exit status, nothing else changed",
        prepare,
        attempt,
        seconds=1200.0,
    ),
)
