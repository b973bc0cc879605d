"""Every command, link, path, flag and exit status in the documents is one that exists."""

import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from cman_jax.app import signals
from cman_jax.app.__main__ import COMMANDS
from cman_jax.app.flags import unknown_field
from tests import documents
from tests.documents import ROOT, Document

DOCUMENTS = documents.documents()
NAMES = [str(document.path.relative_to(ROOT)) for document in DOCUMENTS]
BY_NAME = dict(zip(NAMES, DOCUMENTS, strict=True))
CURRENT = [name for name in NAMES if not name.endswith("LOG.md")]
STATUSES = documents.table(BY_NAME["docs/reference/commands.md"], "Exit status")
PROGRAMS = sorted(
    f"{path.parent.name}.{path.stem}"
    for folder in ("data_prep", "experiments")
    for path in (ROOT / folder).glob("*.py")
    if "run_main(" in path.read_text()
)

REFUSED = {tuple(example.split()) for status, _, example in STATUSES if status != "0"}
"""The examples of commands that end with an error."""

TRAIN = "cman train --data=a --workdir=b"
WRONG = {
    f"{TRAIN} --vectrs=c": "'vectrs'",
    f"{TRAIN} --config=conl04": "--config=conl04",
    f"{TRAIN} --config=nowhere.py": "no such file",
    f"{TRAIN} --config.model.start=glorot": "config.model.start",
    f"{TRAIN} --config.training.num_epochs=many": "num_epochs=many",
    f"{TRAIN} --population=five": "--population=five",
    f"{TRAIN} ...": "'...'",
    "cman train --data=a": "no --workdir",
    "cman predict --workdir=b": "'predict'",
    ".venv/bin/cman extract --workdir=b --anchor=first": "--anchor=first",
    "python -m experiments.predicts --workdir=b": "No module named experiments.predicts",
    ".venv/bin/python -m data_prep.ade --source=a --out=b --overlap=shortest": "--overlap=shortest",
    "python -m experiments.evaluate --workdir=a --data=b --labels=gold": "'labels'",
}


def document_of(path: Path, text: str) -> Document:
    """Returns the document with this text."""
    path.write_text(text)
    return documents.read(path)


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> Document:
    """A document whose commands are all wrong."""
    lines = "\n".join(["echo 'Ann left.' | " + line + "  # a comment" for line in WRONG])
    return document_of(tmp_path_factory.mktemp("wrong") / "a.md", f"# A\n\n```\n{lines}\n```\n")


@pytest.fixture(scope="module")
def answers(wrong: Document) -> Mapping[tuple[str, ...], tuple[int, str]]:
    """The exit status and the output of every command that the tests need, from one process."""
    lines = {command.words for document in [*DOCUMENTS, wrong] for command in documents.commands(document)}
    lines |= {("cman", name, "--help") for name in COMMANDS}
    lines |= {
        ("python", "-m", program, "--help")
        for program in [*PROGRAMS, "data_prep.generated", "data_prep.tfds"]
    }
    lines |= {("run", *example.split()) for _, _, example in STATUSES if example} | {("interrupt",)}
    listed = sorted(lines)
    command = [sys.executable, "-W", "ignore", "-m", "tests.command_lines"]
    done = subprocess.run(
        command, input=json.dumps(listed), capture_output=True, text=True, cwd=ROOT, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(listed, map(tuple, json.loads(done.stdout)), strict=True))


def refused(document: Document, answers: Mapping[tuple[str, ...], tuple[int, str]]) -> list[str]:
    """Returns the commands of a document that their programs do not take, each with the reason."""
    found = []
    for words, whole in documents.commands(document):
        status, text = answers[words]
        incomplete = not whole and re.match("error: (flags: found no --|Missing value for flag)", text)
        if status and not incomplete and words not in REFUSED:
            found.append(f"{' '.join(words)}: {text.strip()}")
    return found


@pytest.mark.parametrize("name", CURRENT)
def test_every_command_is_one_that_its_program_takes(name: str, answers: Mapping) -> None:
    found = refused(BY_NAME[name], answers)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", CURRENT)
def test_every_flag_is_of_a_program(name: str, answers: Mapping) -> None:
    helps = [text for words, (_, text) in answers.items() if words[-1] == "--help"]
    known = set(re.findall(r"--(?:\[no\])?(\w+)", "\n".join(helps))) | {"help", "version"}
    known |= {f"no{flag}" for flag in re.findall(r"--\[no\](\w+)", "\n".join(helps))}
    unknown = documents.flags(BY_NAME[name]) - known
    unknown = {flag for flag in unknown if not flag.startswith(("config.", "noconfig.", "xla_"))}
    settings = {flag for flag in documents.flags(BY_NAME[name]) if re.match(r"(no)?config\.", flag)}
    fields = [setting.partition("config.")[2] for setting in settings]
    assert not unknown
    assert not [field for field in fields if not field.isupper() and unknown_field(field)]


@pytest.mark.parametrize("name", NAMES)
def test_every_target_of_make_exists(name: str) -> None:
    assert documents.make_targets(BY_NAME[name]) <= documents.defined_targets()


@pytest.mark.parametrize("name", NAMES)
def test_every_link_and_every_path_leads_somewhere(name: str) -> None:
    assert not documents.broken_links(BY_NAME[name])
    if name != "CHANGELOG.md":  # which names former files too
        assert not documents.missing_paths(BY_NAME[name])


def test_the_documents_that_the_code_names_exist() -> None:
    files = [
        path
        for package in ("cman_jax", "data_prep", "experiments")
        for path in (ROOT / package).rglob("*.py")
    ]
    named = {text.rstrip(".") for path in files for text in re.findall(r"\bdocs/[\w./-]+", path.read_text())}
    assert not [text for text in named if not (ROOT / text).exists()]


def test_the_reference_names_every_command_and_every_flag(answers: Mapping) -> None:
    page = BY_NAME["docs/reference/commands.md"]
    assert re.findall(r"^## cman (\w+)$", page.prose, re.MULTILINE) == list(COMMANDS)
    for name in COMMANDS:
        defined = set(re.findall(r"^  --(?:\[no\])?(\w+)", answers["cman", name, "--help"][1], re.MULTILINE))
        assert not {
            flag for flag in defined if f"`--{flag}`" not in documents.section_of(page, f"cman {name}")
        }


def test_exit_statuses_are_those_of_the_reference(answers: Mapping) -> None:
    assert [status for status, *_ in STATUSES] == ["0", "1", "2", "75", "130"]
    assert {str(status) for status in signals.STATUS.values()} == {"75", "130"}
    for status, _, example in STATUSES:
        if status == "75":  # only a training ends so
            continue
        words = ("run", *example.split()) if example else ("interrupt",)
        assert answers[words][0] == int(status), answers[words][1]


def test_the_reference_of_the_config_is_what_its_script_writes() -> None:
    path = ROOT / "docs" / "reference" / "make_config.py"
    spec = importlib.util.spec_from_file_location("make_config", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = (path.parent / "config.md").read_text(encoding="utf-8")
    assert found == module.page(), "run: python docs/reference/make_config.py"


def test_a_wrong_command_is_caught(wrong: Document, answers: Mapping) -> None:
    reasons = refused(wrong, answers)
    assert len(reasons) == len(WRONG)
    for reason, expected in zip(reasons, WRONG.values(), strict=True):
        assert expected in reason


def test_a_wrong_link_path_target_or_flag_is_caught(tmp_path: Path) -> None:
    text = (
        "# One thing\n\n[a](b.md) [c](#one-thing) [d](#another-thing) [e](a.md#one-thing) [f](https://g.h)\n"
        "`cman_jax/config.py` `cman_jax/configuration.py` `docs/*/commands.md` `docs/*/orders.md`\n"
        "`docs/NAME/jsonl.md`\n"
        "`make test` `make tests` `--labels=gold` `--config.model.start=glorot`\n"
    )
    document = document_of(tmp_path / "a.md", text)
    assert documents.broken_links(document) == ["b.md", "#another-thing"]
    assert documents.missing_paths(document) == ["cman_jax/configuration.py", "docs/*/orders.md"]
    assert documents.make_targets(document) - documents.defined_targets() == {"tests"}
    assert documents.flags(document) == {"labels", "config.model.start"}
    assert unknown_field("model.start")


def test_the_shell_is_read_as_a_reader_copies_it(tmp_path: Path) -> None:
    text = (
        "```\nA=1 .venv/bin/python -m experiments.benchmark \\\n    --what=epoch  # five epochs\n"
        "echo 'cman train' | cman extract --workdir=a > out.jsonl && make test\n```\n"
        "See `cman validate --data=DIR`, `cman COMMAND` and `cman\nvalidate`.\n"
    )
    assert documents.commands(document_of(tmp_path / "a.md", text)) == [
        (("python", "-m", "experiments.benchmark", "--what=epoch"), True),
        (("cman", "extract", "--workdir=a"), True),
        (("cman", "validate", "--data=DIR"), False),
        (("cman", "validate"), False),
    ]
