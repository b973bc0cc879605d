"""The direction of dependency, who may import what, and how long a file and a function may be."""

import ast
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("cman_jax", "data_prep", "experiments")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
NAMES = [str(path.relative_to(ROOT)) for path in FILES]

# A part may import itself, and parts of lower rank.
RANKS = {
    "cman_jax.version": 0,
    "cman_jax.errors": 0,
    "cman_jax.types": 0,
    "cman_jax.config": 0,
    "cman_jax.cache": 0,
    "cman_jax.config_checks": 1,
    "cman_jax.files": 1,
    "cman_jax.memory": 1,
    "cman_jax.compilation": 2,
    "cman_jax.locking": 1,
    "cman_jax.folders": 2,
    "cman_jax.numpy_files": 2,
    "cman_jax.partial_file": 2,
    "cman_jax.configs": 1,
    "cman_jax.data": 3,
    "cman_jax.layers": 3,
    "cman_jax.kept": 3,
    "cman_jax.programs": 4,
    "cman_jax.page": 4,
    "cman_jax.encoders": 5,
    "cman_jax.model": 6,
    "cman_jax.run": 7,
    "cman_jax.evaluation": 8,
    "cman_jax.inference": 9,
    "cman_jax": 10,  # __init__.py alone: the door to the extractor
    "cman_jax.training": 10,
    "cman_jax.server": 10,
    "cman_jax.app": 11,
    "data_prep": 12,
    "experiments": 13,
}


def module_of(path: Path) -> str:
    """The dotted name of a file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and full dotted name of all that a file imports, at its top or inside a function."""
    package = module_of(path) if path.name == "__init__.py" else module_of(path).rpartition(".")[0]
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*above, node.module or ""]).strip(".") if node.level else node.module
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def part_of(module: str) -> str | None:
    """The part of this project that a module belongs to."""
    if module in ("cman_jax", *(f"cman_jax.{name}" for name in ("Extractor", "__version__"))):
        return "cman_jax"
    owners = [part for part in RANKS if part != "cman_jax" and f"{module}.".startswith(f"{part}.")]
    return max(owners, key=len, default=None)


def belongs(module: str, *packages: str) -> bool:
    return module.split(".")[0] in packages


def offences(forbidden: Callable[[str, str], bool]) -> list[str]:
    """`file:line imports module` wherever `forbidden(importing module, imported module)`."""
    return [
        f"{name}:{line} imports {imported}"
        for path, name in zip(FILES, NAMES, strict=True)
        for line, imported in imports(path)
        if forbidden(module_of(path), imported)
    ]


def test_every_file_belongs_to_a_part_with_a_rank() -> None:
    assert not [name for path, name in zip(FILES, NAMES, strict=True) if part_of(module_of(path)) is None]


def test_imports_go_one_way() -> None:
    def upwards(importer: str, imported: str) -> bool:
        own, other = part_of(importer), part_of(imported)
        return other is not None and own != other and RANKS[own] <= RANKS[other]

    assert not offences(upwards)


def test_no_file_imports_itself_by_way_of_others() -> None:
    modules = {module_of(path): path for path in FILES}
    depends = {
        module: {
            owner
            for _, name in imports(path)
            if (owner := name if name in modules else name.rpartition(".")[0]) in modules
        }
        for module, path in modules.items()
    }
    while leaves := {module for module, others in depends.items() if not others}:
        depends = {module: others - leaves for module, others in depends.items() if module not in leaves}
    assert not depends, "these import each other, or are imported by those that do"


def test_only_the_programs_know_flags() -> None:
    programs = ("cman_jax.app", "data_prep", "experiments")
    assert not offences(
        lambda importer, imported: (
            part_of(importer) not in programs and belongs(imported, "absl", "ml_collections")
        )
    )


def test_only_the_service_knows_http() -> None:
    names = ("fastapi", "starlette", "uvicorn", "prometheus_client")
    homes = ("cman_jax.server", "cman_jax.app")
    assert not offences(
        lambda importer, imported: part_of(importer) not in homes and belongs(imported, *names)
    )


def test_only_the_twin_imports_another_framework() -> None:
    others = ("torch", "tensorflow")
    assert not offences(
        lambda importer, imported: belongs(importer, "cman_jax") and belongs(imported, *others)
    )


@pytest.mark.parametrize(
    ("libraries", "homes"),
    [
        (("tensorflow_datasets", "array_record"), {"data/formats/tfds.py"}),
        (("apache_beam",), {"app/beam.py", "app/beam_files.py"}),
    ],
)
def test_few_files_import_an_optional_library(libraries: tuple[str, ...], homes: set[str]) -> None:
    found = {line.split(":")[0] for line in offences(lambda _, imported: belongs(imported, *libraries))}
    assert found == {f"cman_jax/{home}" for home in homes}


def without_jax(module: str) -> bool:
    """Whether a module may import no array library but NumPy."""
    ground = ("version", "errors", "types", "config", "config_checks", "configs", "cache", "files", "data")
    files = {"options", "config", "families", "packages", "checkpoint"}  # of an encoder's family
    store = [f"store.{name}" for name in ("source", "cache", "index", "allennlp")]
    plain = ["pieces", "safetensors", "windows", "load", *store]
    return (
        part_of(module).removeprefix("cman_jax.") in (*ground, "page")
        or (module.startswith("cman_jax.encoders.") and module.rpartition(".")[2] in files)
        or module.removeprefix("cman_jax.encoders.") in plain
    )


def test_jax_stays_out_of_what_reads_files() -> None:
    devices = ("jax", "flax", "optax", "orbax")
    assert not offences(lambda importer, imported: without_jax(importer) and belongs(imported, *devices))


def test_the_network_imports_no_optimiser() -> None:
    network = ("cman_jax.layers", "cman_jax.model", "cman_jax.encoders")
    assert not offences(lambda own, other: part_of(own) in network and belongs(other, "optax", "orbax"))


@pytest.mark.parametrize(
    "module",
    [
        "cman_jax",
        "cman_jax.data.batching",
        "cman_jax.encoders.bert.checkpoint",
        "cman_jax.encoders.load",
        "cman_jax.encoders.store.cache",
        "cman_jax.page.comparison",
        "data_prep.conll04",
        "data_prep.tfds.ade",
    ],
)
def test_sentences_are_handled_without_loading_jax(module: str) -> None:
    if module.startswith("data_prep.tfds"):
        pytest.importorskip("tensorflow_datasets", reason="needs the extra tfds")
    program = f"import sys, {module}; print([m for m in ('jax', 'flax', 'tensorflow') if m in sys.modules])"
    loaded = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert loaded.stdout.strip() == "[]"


def opens_for_writing(node: ast.AST) -> bool:
    """Whether a call opens a file for writing, or writes one."""
    if not isinstance(node, ast.Call):
        return False
    name = getattr(node.func, "id", getattr(node.func, "attr", ""))
    modes = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    return name in ("write_bytes", "write_text") or (
        name == "open" and any(len(mode) <= 3 and set(mode) & set("wax+") for mode in modes)
    )


def test_files_are_written_in_one_place() -> None:
    writers = {
        name
        for path, name in zip(FILES, NAMES, strict=True)
        if name.startswith("cman_jax/") and any(map(opens_for_writing, ast.walk(tree_of(path))))
    }
    # The cache of features and an output that can be continued are appended to, and the lock is a file.
    assert writers == {
        "cman_jax/files.py",
        "cman_jax/partial_file.py",
        "cman_jax/encoders/store/cache.py",
        "cman_jax/locking.py",
    }


def defines_flags(path: Path) -> bool:
    """Whether a module defines flags when it is imported, not only when it is run."""
    return any(
        isinstance(node, ast.Attribute) and node.attr.startswith("DEFINE")
        for statement in tree_of(path).body
        if not isinstance(statement, ast.If | ast.FunctionDef)
        for node in ast.walk(statement)
    )


def test_no_two_programs_that_tests_import_define_flags() -> None:
    """Two modules with the same flag cannot be imported in one process, as tests are."""
    tests = sorted((ROOT / "tests").rglob("*.py"))
    wanted = {name for path in tests for _, name in imports(path)}
    programs = [path for path in FILES if not path.is_relative_to(ROOT / "cman_jax") and defines_flags(path)]
    assert [
        path for path in programs if any(f"{name}.".startswith(f"{module_of(path)}.") for name in wanted)
    ] == []


def says_pmap(node: ast.AST) -> bool:
    names = (str(getattr(node, field, None)) for field in ("id", "attr", "name", "module", "arg"))
    return any("pmap" in name.split(".") for name in names)


def test_only_one_file_says_pmap() -> None:
    sayers = [n for path, n in zip(FILES, NAMES, strict=True) if any(map(says_pmap, ast.walk(tree_of(path))))]
    assert sayers == ["cman_jax/training/parallel.py"]


def test_no_file_is_longer_than_300_lines() -> None:
    tests = sorted((ROOT / "tests").rglob("*.py"))
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in [*FILES, *tests]}
    assert not {name: length for name, length in lengths.items() if length > 300}


LOOPS = {"train_population", "train_step", "train"}  # may have 60 lines


def test_no_function_is_longer_than_40_lines() -> None:
    too_long = {
        f"{name}:{node.lineno} {node.name}": node.end_lineno - node.lineno + 1
        for path, name in zip(FILES, NAMES, strict=True)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno - node.lineno >= (60 if node.name in LOOPS else 40)
    }
    assert not too_long


def test_the_reader_of_imports_sees_relative_and_inner_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    file = tmp_path / "cman_jax" / "data" / "a.py"
    file.parent.mkdir(parents=True)
    file.write_text(
        "from . import b\nfrom .c import d\nfrom ..model import crf\nfrom .. import extract\n"
        "def f():\n    import jax.numpy as jnp, os\n    from optax import adam\n"
    )
    inside = ["cman_jax.data.b", "cman_jax.data.c.d", "cman_jax.model.crf", "cman_jax.extract"]
    assert [name for _, name in imports(file)] == [*inside, "jax.numpy", "os", "optax.adam"]
    assert part_of("cman_jax.files") == "cman_jax.files"
    assert part_of("cman_jax.model.crf") == "cman_jax.model"
    assert part_of("jax.numpy") is None
