"""A trained network as a wheel: a Python package of data, which `run_folder` finds once it is installed.

The wheel holds the files that prediction and evaluation read, and only the parameters of the chosen epoch.
Setuptools builds it, offline. The same run, name and version give the same bytes.
"""

import importlib.util
import keyword
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cman_jax.config import Config
from cman_jax.errors import InputError, missing_extra
from cman_jax.files import json_text, write_atomically, write_json
from cman_jax.run.checkpoint import Checkpoints
from cman_jax.run.constraints import names_file
from cman_jax.run.installed import GROUP, MANIFEST, digests, installed_models, normal_name
from cman_jax.run.manifest import ENCODER_FILES, check_all, read_updated_json
from cman_jax.run.record import chosen_epoch
from cman_jax.run.system import System
from cman_jax.version import __version__

_NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
_VERSION = re.compile(r"\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?")
_FILES = ("config.json", "vocabs.json", "word_vectors.npy", "encoder.json")  # as System.save writes them
_TRUST = ("constraints.json", "calibration.json")
_RECORDS = ("metrics.jsonl", "data.json", "scores.json")
_CHECKPOINT = ("_CHECKPOINT_METADATA", "params", "metrics", "digests")  # all but the optimizer
_NOT_READ = shutil.ignore_patterns("commit_success.txt")  # names the folder of the training
_FIRST_OF_1980 = "315532800"  # in seconds; the earliest time that a zip file can express


def build_wheel(workdir: Path, name: str, version: str, out: Path) -> Path:
    """Builds a wheel of a run, and returns its path.

    Args:
      workdir: the run's working directory, which is only read.
      name: the name of the package to install.
      version: the version of the package.
      out: the folder to write the wheel to.

    Raises:
      InputError: the directory holds no run with a finished epoch, a file of the run is damaged, the name or
        the version cannot be that of a package, the wheel exists already, or setuptools is not installed.
    """
    check_name(name)
    if not _VERSION.fullmatch(version):
        raise InputError("version", None, repr(version), "numbers with points, such as 1.0.0")
    if importlib.util.find_spec("setuptools") is None:
        raise missing_extra("the wheel", "no setuptools to build it", "share")
    system, epoch = _checked(workdir)
    with TemporaryDirectory() as folder:
        project = Path(folder)
        package = project / normal_name(name)
        names = _copy_run(workdir, package, epoch)
        write_json(package / MANIFEST, {"epoch": epoch, "files": digests(package, names)})
        about = _description(system.config, system.vocabs)
        write_atomically(package / "__init__.py", f'"""{name} {version}, a trained network."""\n'.encode())
        write_atomically(project / "README.md", _readme(system, name, about, workdir, epoch).encode())
        write_atomically(
            project / "pyproject.toml", _project(system, name, version, about, [*names, MANIFEST]).encode()
        )
        wheel = _run_setuptools(project)
        if (out / wheel.name).exists():
            raise InputError(
                out / wheel.name, None, "a wheel that exists already", "another --version or folder"
            )
        write_atomically(out / wheel.name, wheel.read_bytes())
        return out / wheel.name


def check_name(name: str) -> None:
    """Checks that a package may have this name.

    Raises:
      InputError: the name is not one of PyPI and Python, or another module has it.
    """
    if not _NAME.fullmatch(name) or keyword.iskeyword(normal_name(name)):
        expected = "small letters and digits, with single - or _ between, beginning with a letter"
        raise InputError("name", None, repr(name), expected)
    module = normal_name(name)
    spec = importlib.util.find_spec(module)
    taken = spec is not None and spec.origin is not None  # a folder without code has no origin
    if module in sys.stdlib_module_names or (taken and module not in installed_models()):
        raise InputError("name", None, f"{name!r}, the name of an installed module", "a name of its own")


def _checked(workdir: Path) -> tuple[System, int]:
    """Returns a run's system and chosen epoch, after reading everything, which may be damaged."""
    system = System.load(workdir)
    check_all(workdir)
    if names_file(system.config.decoding.constraints):
        found = f"constraints in the file {system.config.decoding.constraints}"
        raise InputError(workdir, None, found, "none or learned ones, because other files are not packed")
    with Checkpoints(workdir / "checkpoints", read_only=True) as checkpoints:
        epoch = chosen_epoch(workdir, system.config, checkpoints.epochs())
        checkpoints.restore_params(epoch, system.param_shapes())
    return system, epoch


def _copy_run(workdir: Path, package: Path, epoch: int) -> list[str]:
    """Copies what a package holds, and returns the files by their path inside the package."""
    checkpoint = Path("checkpoints") / str(epoch)
    for part in (*_FILES, *ENCODER_FILES, *_TRUST, *_RECORDS, *(checkpoint / item for item in _CHECKPOINT)):
        source, target = workdir / part, package / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=_NOT_READ, copy_function=shutil.copyfile)
        elif source.is_file():
            shutil.copyfile(source, target)
    files = sorted(path for path in package.rglob("*") if path.is_file())
    for path in files:
        path.chmod(0o644)  # whatever the user's mask is
    return [path.relative_to(package).as_posix() for path in files]


def _description(config: Config, vocabs: Any) -> str:
    """Returns one line about a network: what it extracts."""
    entities, relations = (", ".join(types) for types in (vocabs.entity_types, vocabs.relation_types))
    return f"A {config.model.network} network: entities ({entities}) and relations ({relations or 'none'})"


def _project(system: System, name: str, version: str, about: str, files: list[str]) -> str:
    """Returns the pyproject.toml; a string of JSON is one of TOML too."""
    module = normal_name(name)
    extras = ["text"]
    if system.encoder is not None:
        extras.append("elmo" if "elmo" in system.encoder.name else "encoders")  # the others are BERT's
    library = f"cman-jax[{','.join(extras)}]>={__version__}"
    quoted = lambda value: json_text(value, ensure_ascii=False)  # noqa: E731
    return "\n".join(
        [
            "[build-system]",
            'requires = ["setuptools"]',
            'build-backend = "setuptools.build_meta"',
            "[project]",
            f"name = {quoted(name)}",
            f"version = {quoted(version)}",
            f"description = {quoted(about)}",
            'readme = "README.md"',
            f"dependencies = [{quoted(library)}]",
            f'[project.entry-points."{GROUP}"]',
            f"{name} = {quoted(module)}",
            "[tool.setuptools]",
            f"packages = [{quoted(module)}]",
            "[tool.setuptools.package-data]",
            f"{module} = {quoted(files)}",
            "",
        ]
    )


def _readme(system: System, name: str, about: str, workdir: Path, epoch: int) -> str:
    """Returns what a package index shows: how to use the network, and its scores."""
    match, _, other = system.config.scoring.convention.values()
    average, convention = system.config.scoring.average, f"{match}, {'with' if other else 'without'} Other"
    rows = []
    for split, entry in read_updated_json(workdir / "scores.json").items():
        if entry.get("epoch", epoch) != epoch:
            continue  # of an epoch that the run had chosen before
        f1 = [
            f"{entry[task][match]['with_other' if other else 'without_other'][average]['f1']:.2f}"
            for task in ("ner", "re")
        ]
        rows.append(f"| {split} | {' | '.join(f1)} |")
    table = ["", f"F1 in % ({convention}, {average}) of epoch {epoch}:", ""]
    table += ["| split | entities | relations |", "|---|---|---|", *rows]
    needs = ""
    if system.encoder is not None and system.model.upper is None:
        needs = f"\nThe network reads features of the encoder {system.encoder.name}.\n"
    use = f'from cman_jax import Extractor\n\nextractor = Extractor.load("{name}")'
    return "\n".join(
        [f"# {name}", "", f"{about}.", needs, f"```python\n{use}\n```", *(table if rows else []), ""]
    )


def _run_setuptools(project: Path) -> Path:
    """Builds the wheel of a project in a process of its own, which may change its directory and print."""
    program = "from setuptools import build_meta; build_meta.build_wheel('dist')"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=project,
        env={**os.environ, "SOURCE_DATE_EPOCH": _FIRST_OF_1980},
        capture_output=True,
        text=True,
    )
    wheels = list((project / "dist").glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise InputError(
            "setuptools", None, f"a failure ({last})", "version 77 or later, which builds wheels"
        )
    return wheels[0]
