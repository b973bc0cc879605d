"""A few nasty command lines of quick programs, and what counts as an end that is documented."""

import os
import random
import signal
from pathlib import Path

import pytest

from cman_jax.data.corpus import write_jsonl
from data_prep.generated.corpus import generate_splits
from experiments.faults import command_lines
from experiments.faults.command_lines import Prepared, attempt
from experiments.faults.ends import Ended, check_end, outcome_of
from experiments.faults.forked import in_child
from experiments.faults.nasty_values import values_of
from experiments.faults.row import Broken

QUICK = ("cman validate", "cman convert", "python -m data_prep.generated")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """A corpus and the flags of quick programs."""
    folder = tmp_path_factory.mktemp("prepared")
    for split, sentences in generate_splits({"train": 5, "dev": 2, "test": 2}).items():
        write_jsonl(folder / "sample" / "data" / f"{split}.jsonl", sentences)
    flags = {name: command_lines._flags_of(name, folder) for name in QUICK}
    yield Prepared(folder / "sample", folder / "compiled", flags)
    with command_lines._server() as server:
        server.stdin.close()
    command_lines._server.cache_clear()


@pytest.mark.filterwarnings("ignore:os.fork")  # other tests may have started JAX in this process
def test_a_child_that_computes_without_end_is_ended(tmp_path: Path) -> None:
    def compute() -> None:
        os.write(1, b"begun\n")
        while True:
            pass

    assert in_child(compute, tmp_path, seconds=0.3) == Ended(-signal.SIGTERM, "begun\n", "")
    assert in_child(compute, tmp_path, stop_at="begun") == Ended(-signal.SIGTERM, "begun\n", "")


def test_every_flag_of_a_program_is_known(prepared: Prepared) -> None:
    names = {flag["name"] for flag in prepared.flags["cman convert"]}
    assert names == {"data", "data_dir", "format", "sentences", "tokens", "out", "to", "split", "split_seed"}
    (to,) = (flag for flag in prepared.flags["cman convert"] if flag["name"] == "to")
    assert "CANONICAL" in values_of("to", to["type"], to["choices"])


def test_a_few_attempts(prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command_lines, "_BASES", {name: command_lines._BASES[name] for name in QUICK})
    outcomes = set()
    for number in range(8):
        folder = tmp_path / str(number)
        folder.mkdir()
        if number == 7:
            monkeypatch.setattr(command_lines, "_spoiled", lambda words, known, rng: list(words))
        outcomes.add(attempt(prepared, folder, random.Random(number)))
    assert {"accepted", "refused with status 1"} <= outcomes


def test_a_command_that_changes_the_corpus_breaks_the_promise(
    prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = ("--out=data", "--num_train=6", "--num_dev=2", "--num_test=2")
    monkeypatch.setattr(command_lines, "_BASES", {QUICK[2]: base})
    monkeypatch.setattr(command_lines, "_spoiled", lambda words, known, rng: list(words))
    with pytest.raises(Broken, match=r"changed data/train\.jsonl"):
        attempt(prepared, tmp_path, random.Random(0))


@pytest.mark.parametrize(
    "ended",
    [
        Ended(70, "", "error: x\n"),
        Ended(-6, "", ""),
        Ended(2, "", ""),
        Ended(2, "", "error: x\nmore\n"),
        Ended(1, "", "chatter\nerror: x\n"),
        Ended(1, "", "Traceback (most recent call last):\nerror: x\n"),
        Ended(75, "", "interrupted by SIGTERM\n"),
    ],
)
def test_an_end_that_is_not_documented(ended: Ended) -> None:
    with pytest.raises(Broken):
        check_end(ended, (0, 1, 2), "cman")


def test_ends_that_are_documented() -> None:
    check_end(Ended(0, "done", "anything\n"), (0,), "cman")
    check_end(Ended(2, "", "note: this\nwarning: that\nerror: x\n"), (0, 2), "cman")
    check_end(Ended(2, "", "error: x\nerror: y\n"), (0, 2), "cman", several=True)
    assert outcome_of(Ended(2, "", "")) == "refused with status 2"
    assert outcome_of(Ended(75, "", "")) == "ended by a signal and saved"
