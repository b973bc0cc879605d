"""Tests of the programs that read a corpus of any format."""

import subprocess
import sys
from pathlib import Path

from cman_jax.data.corpus import load_split, write_jsonl
from cman_jax.locking import WRITING, writing_in
from cman_jax.types import Entity, Relation, Sentence

PAIR = (Entity(0, 1, "Person"), Entity(2, 3, "Person"))
SENTENCES = [
    Sentence(f"s{k}", (f"Ann{k}", "knows", "Bob", "."), PAIR, (Relation(0, 1, "Knows"),)) for k in range(20)
]


def cman(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cman_jax.app", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_convert_to_another_format_and_back(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "all.jsonl", SENTENCES)
    there = cman("convert", f"--data={tmp_path / 'all.jsonl'}", "--to=brat", f"--out={tmp_path / 'brat'}")
    assert (there.returncode, there.stderr) == (0, "")
    assert "canonical (JSONL of tokenised sentences)" in there.stdout
    back = cman(
        *("convert", f"--data={tmp_path / 'brat'}", "--tokens=spaces", "--split=0.8,0.1,0.1"),
        f"--out={tmp_path / 'back'}",
    )
    assert (back.returncode, back.stderr) == (0, "")
    assert "drawn by document with seed 0: train 16, dev 2, test 2 sentences" in back.stdout
    splits = [load_split(tmp_path / "back", split) for split in ("train", "dev", "test")]
    assert sorted(sentence for split in splits for sentence in split) == sorted(SENTENCES)
    again = cman("convert", f"--data={tmp_path / 'brat'}", f"--out={tmp_path / 'brat'}", "--to=brat")
    assert again.returncode == 2
    assert "results that exist already" in again.stderr


def test_a_conversion_that_fails_leaves_nothing_and_can_be_repeated(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "train.jsonl", SENTENCES[:10])
    overlap = Sentence("o", ("a", "b"), (Entity(0, 2, "X"), Entity(1, 2, "Y")))
    write_jsonl(tmp_path / "dev.jsonl", [*SENTENCES[10:], overlap])
    out = tmp_path / "out"
    command = ("convert", f"--data={tmp_path}", "--to=conll", f"--out={out}")
    failed = cman(*command)
    assert failed.returncode == 2
    assert f"{out / 'dev.conll'}: found overlapping entities in sentence 'o'" in failed.stderr
    assert not out.exists()
    write_jsonl(tmp_path / "dev.jsonl", SENTENCES[10:])
    (out / ".unfinished" / "train.conll").mkdir(parents=True)  # as a killed program leaves it
    assert cman(*command).returncode == 0
    assert sorted(path.name for path in out.iterdir()) == ["dev.conll", "train.conll"]


def test_a_folder_that_another_program_writes_to(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "mine.jsonl", SENTENCES)
    out = tmp_path / "out"
    command = ("convert", f"--data={tmp_path / 'mine.jsonl'}", f"--out={out}", "--split=0.8,0.1,0.1")
    with writing_in(out):
        refused = cman(*command)
        assert refused.returncode == 2
        assert f"error: {out}: found another program that writes there (process " in refused.stderr
        assert [path.name for path in out.iterdir()] == [WRITING]
    out.mkdir()
    (out / WRITING).touch()  # as a killed program leaves it
    assert cman(*command).returncode == 0
    assert sorted(path.name for path in out.iterdir()) == ["dev.jsonl", "test.jsonl", "train.jsonl"]


def test_a_split_that_the_corpus_does_not_have(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "mine.jsonl", SENTENCES)
    ended = cman("evaluate", f"--data={tmp_path}", f"--workdir={tmp_path}")
    expected = (
        "found only all, expected the split 'test'; a training keeps the splits that it draws in WORKDIR/data"
    )
    assert (ended.returncode, ended.stderr) == (2, f"error: {tmp_path}: {expected}\n")


def test_a_corpus_in_the_run_s_own_folder_is_not_replaced(tmp_path: Path) -> None:
    data = tmp_path / "run" / "data"
    write_jsonl(data / "train.jsonl", SENTENCES)
    before = (data / "train.jsonl").read_bytes()
    ended = cman("train", f"--workdir={tmp_path / 'run'}", f"--data={data}", "--compilation_cache=")
    expected = f"found --data={data}, where this run would keep other splits, expected another --workdir"
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1), ended.stderr
    assert expected in ended.stderr
    assert [(path.name, path.read_bytes()) for path in data.iterdir()] == [("train.jsonl", before)]


def test_an_empty_value_is_not_taken_for_no_flag(tmp_path: Path) -> None:
    ended = cman("train", f"--workdir={tmp_path / 'run'}", f"--data={tmp_path}", "--encoder=")
    expected = "error: flags: found --encoder= without a value, expected a value, or no such flag\n"
    assert (ended.returncode, ended.stderr) == (1, expected)


def test_a_start_that_fails_leaves_no_splits_for_the_next_corpus(tmp_path: Path) -> None:
    for number in (1, 2):
        sentences = [Sentence(f"{number}.{k}", ("Ann", "left"), (Entity(0, 1, "X"),)) for k in range(10)]
        write_jsonl(tmp_path / "mine.jsonl", sentences)
        places = (f"--workdir={tmp_path / 'run'}", f"--data={tmp_path / 'mine.jsonl'}")
        ended = cman("train", *places, "--vectors=/nowhere", "--compilation_cache=")
        assert (ended.returncode, ended.stderr.count("\n")) == (2, 1), ended.stderr
        kept = load_split(tmp_path / "run" / "data", "train")
        assert {sentence.id[:2] for sentence in kept} == {f"{number}."}
    (tmp_path / "run" / "seed_5").mkdir()
    (tmp_path / "run" / "seed_5" / "config.json").touch()  # of a training that has begun
    write_jsonl(tmp_path / "mine.jsonl", sentences[:8])
    cman("train", *places, "--vectors=/nowhere", "--compilation_cache=")
    assert load_split(tmp_path / "run" / "data", "train") == kept
