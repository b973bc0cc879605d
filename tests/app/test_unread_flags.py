"""A flag that a program does not read, or not together with the others given, is refused by name."""

from pathlib import Path

import pytest

from cman_jax.config import Config, to_dict
from cman_jax.data.corpus import write_jsonl
from cman_jax.files import write_json
from cman_jax.types import EncoderSpec
from tests.builders import SENTENCES
from tests.forked import Forked

ELMO = EncoderSpec("elmo", 3, 6, "digest", 1)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of what two runs begin with: one without contextual features, and one with ELMo's."""
    folder = tmp_path_factory.mktemp("runs")
    for name in ("plain", "elmo"):
        write_json(folder / name / "config.json", to_dict(Config()))
    write_json(folder / "elmo" / "encoder.json", ELMO._asdict())
    for split in ("train", "test"):
        write_jsonl(folder / f"{split}.jsonl", SENTENCES)
    return folder


def refusal(forked: Forked, program: str, *arguments: str) -> str:
    command = ["-m", f"experiments.{program}", *arguments]
    if program != "benchmark":
        command.append("--compilation_cache=")
    done = forked(command)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    return done.stderr.removeprefix("error: flags: found ").removesuffix("\n")


@pytest.mark.parametrize("program", ["predict", "evaluate", "analyse"])
def test_features_of_a_run_without_any_are_refused(forked: Forked, runs: Path, program: str) -> None:
    data = [] if program == "predict" else [f"--data={runs}"]
    given = ("--features=/nonexistent", "--encoder=/none")
    assert refusal(forked, program, f"--workdir={runs / 'plain'}", *data, *given) == (
        "--features, --encoder, expected none of them, because the run reads no contextual features"
    )


def test_a_threshold_beside_the_search_for_one_is_refused(forked: Forked, runs: Path) -> None:
    places = (f"--workdir={runs / 'plain'}", f"--data={runs}")
    assert refusal(forked, "evaluate", *places, "--tune_threshold", "--threshold=0.4") == (
        "--threshold, expected no --tune_threshold, which finds the threshold"
    )


def test_an_encoder_beside_its_features_is_refused(forked: Forked, runs: Path) -> None:
    given = ("--features=/none", "--encoder=/none")
    assert refusal(forked, "predict", f"--workdir={runs / 'elmo'}", *given) == (
        "--encoder, expected either the encoder or --features, which replace it"
    )


def test_an_encoder_that_the_run_to_compare_with_reads_is_read(forked: Forked, runs: Path) -> None:
    places = (f"--workdir={runs / 'plain'}", f"--data={runs}", f"--compare={runs / 'elmo'}")
    done = forked(["-m", "experiments.analyse", *places, "--encoder=/none"])
    assert done.stderr.startswith(
        "error: encoder: found '/none', expected minilm or mpnet, or a folder with config.json"
    )


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            ("--what=epoch", "--length=8", "--epochs=2"),
            "--length, expected --what with a measure other than epoch",
        ),
        (
            ("--what=compile", "--repetitions=2"),
            "--repetitions, expected --what with train_step, inference or operations",
        ),
        (("--what=inference", "--epochs=2"), "--epochs, expected --what with epoch"),
        (("--frameworks=jax", "--distinct_words"), "--distinct_words, expected torch in --frameworks"),
        (("--config.training.num_epochs=2",), "--config.training.num_epochs, expected --epochs instead"),
    ],
)
def test_what_no_measure_reads_is_refused(forked: Forked, flags: tuple[str, ...], message: str) -> None:
    assert refusal(forked, "benchmark", *flags).startswith(message)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--notrain", "--population=2", "--rows=cman"), "--population, --rows, expected no --notrain"),
        (("--what=table2", "--seeds=2"), "--seeds, expected --what with more than ADE"),
        (
            ("--what=table2", "--data=x"),
            "--data, expected --what with a table or figure of that corpus, not ta",
        ),
        (
            ("--inputs=word", "--data=none", "--encoder=none"),
            "inputs = word, expected one or more of words, features, layers",
        ),
        (
            ("--what=table1", "--ade=x"),
            "--ade, expected --what with a table or figure of that corpus, not ta",
        ),
    ],
)
def test_what_no_table_reads_is_refused(
    forked: Forked, tmp_path: Path, flags: tuple[str, ...], message: str
) -> None:
    assert refusal(forked, "reproduce", f"--workdir={tmp_path}", *flags).startswith(message)


def test_a_population_has_no_choice_of_how_devices_share_a_batch(forked: Forked, tmp_path: Path) -> None:
    flags = (f"--workdir={tmp_path}", "--data=none", "--population=2", "--parallel=mesh")
    expected = "--parallel, expected a single run, because a population's runs are dealt out as a mesh"
    assert refusal(forked, "train", *flags) == expected


@pytest.mark.parametrize("program", ["train", "quickstart", "reproduce"])
def test_programs_that_do_not_decode_on_request_have_no_flags_for_it(
    forked: Forked, program: str, tmp_path: Path
) -> None:
    done = forked(["-m", f"experiments.{program}", f"--workdir={tmp_path}", "--threshold=0.3"])
    assert done.returncode == 1
    assert "Unknown command line flag 'threshold'" in done.stderr
