"""Files as elements of a pipeline, and options that are refused before it starts."""

from pathlib import Path
from typing import Any

import pytest

from cman_jax.errors import InputError

beam = pytest.importorskip("apache_beam", reason="needs the extra beam: make beam")

from cman_jax.app.beam_files import Reader, Source, pipeline_options, sources  # noqa: E402


def elements(path: Path, kind: str = "auto", sentences: str = "split") -> list[Any]:
    """Returns the texts of an input; a failure is its reason."""
    found = [each for source in sources(str(path)) for each in Reader(kind, sentences)(source)]
    return [each.value["reason"] if isinstance(each, beam.pvalue.TaggedOutput) else each for each in found]


def test_a_file_is_read_by_its_first_line_or_as_asked(tmp_path: Path) -> None:
    path = tmp_path / "in.txt"
    path.write_bytes(b'\xef\xbb\xbf\n["Ann", "left"]\r\n{"id": "b", "text": "c"}\n')
    blank = {"id": "1", "text": ""}
    assert elements(path) == [blank, {"id": "2", "tokens": ["Ann", "left"]}, {"id": "b", "text": "c"}]
    as_text = [blank, {"id": "2", "text": '["Ann", "left"]'}, {"id": "3", "text": '{"id": "b", "text": "c"}'}]
    assert elements(path, "text") == as_text


def test_a_folder_has_whole_texts_lines_of_json_and_rows_of_parquet(tmp_path: Path) -> None:
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    folder = tmp_path / "a[b]"
    (folder / "below").mkdir(parents=True)
    (folder / "1.txt").write_text("Ann left.\nBob came.")
    (folder / "2.jsonl").write_text('{"text": "c"}\nbroken\n')
    (folder / "3.md").write_text("not read")
    table = {"id": [5, None], "text": ["d", None], "tokens": [None, ["e"]], "other": [1, 2]}
    parquet.write_table(pyarrow.table(table), folder / "below" / "4.parquet")
    parquet.write_table(pyarrow.table({"body": ["f"]}), folder / "below" / "5.parquet")
    (folder / "below" / "6.parquet").write_bytes(b"damaged")
    first, second, broken, *rows, missing, damaged = elements(folder)
    assert first == {"id": "1.txt", "text": "Ann left.\nBob came."}
    assert second == {"id": "2.jsonl:1", "text": "c"}
    assert broken.startswith(f"{folder}/2.jsonl:2: found bad JSON")
    assert rows == [{"id": 5, "text": "d"}, {"id": "below/4.parquet:2", "tokens": ["e"]}]
    assert missing.endswith("5.parquet: found the columns body, expected a column text, or a column tokens")
    assert damaged.startswith("ArrowInvalid: ")
    lines = [each for each in elements(folder, sentences="line") if not isinstance(each, str | dict)]
    assert [(each.sentence.id, each.document, each.start, each.source) for each in lines] == [
        ("1.txt.1", "1.txt", 0, ""),
        ("1.txt.2", "1.txt", 10, ""),
    ]


@pytest.mark.parametrize(
    ("path", "found"),
    [("nowhere", "no *.txt, *.jsonl or *.parquet file"), ("nosuch://a/b", "Unable to get filesystem")],
)
def test_an_input_that_is_not_there_is_refused(path: str, found: str) -> None:
    with pytest.raises(InputError, match=r"expected a file or a folder") as error:
        sources(path)
    assert str(error.value).startswith(f"{path}: found {found}")


@pytest.mark.parametrize(
    ("runner", "options", "found"),
    [
        ("DirectRunner", "--direct_num_workers=two", "--runner_options with argument --direct_num_workers"),
        ("DirectRunner", "--direct_num_wrkers=2", "--runner_options with --direct_num_wrkers"),
        ("NoRunner", "", "--runner=NoRunner"),
        ("DirectRunner", "'--a", "--runner_options='--a (No closing quotation)"),
    ],
)
def test_a_wrong_runner_or_option_is_refused(runner: str, options: str, found: str) -> None:
    with pytest.raises(InputError) as error:
        pipeline_options(runner, options)
    assert str(error.value).startswith(f"flags: found {found}")
    assert (
        pipeline_options("DirectRunner", "--direct_num_workers=2").get_all_options()["direct_num_workers"]
        == 2
    )


def test_one_file_is_one_source(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Ann left.\n")
    assert sources(str(tmp_path / "a.txt")) == [Source(str(tmp_path / "a.txt"))]


def test_a_folder_may_be_spelt_in_any_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "texts").mkdir()
    (tmp_path / "here").mkdir()
    (tmp_path / "texts" / "a.TXT").write_text("Ann left.\n")
    (tmp_path / "texts" / ".b.txt").write_text("not read")
    monkeypatch.chdir(tmp_path / "here")
    for path in ("../texts", "./../texts/", "../texts/.", f"{tmp_path}//texts"):
        assert [source.name for source in sources(path)] == ["a.TXT"]
