"""NLTK's tokenisers are imported without SciPy, and the rest of NLTK still works afterwards."""

import subprocess
import sys

import pytest

from cman_jax.data.nltk_parts import nltk_module

pytest.importorskip("nltk", reason="the extra `text` is not installed")


def test_a_module_is_nltks_own() -> None:
    import nltk.tokenize.punkt

    assert nltk_module("nltk.tokenize.punkt") is nltk.tokenize.punkt


def test_a_module_that_does_not_exist_is_an_import_error() -> None:
    with pytest.raises(ImportError):
        nltk_module("no_such_package.part")


PROGRAM = """
import sys
from cman_jax.data.sentences import split_sentences
from cman_jax.data.treebank import treebank_tokens
assert split_sentences("Dr. Roe left. Ann stayed.") == [(0, 13), (14, 25)]
assert [token.text for token in treebank_tokens("It's here.")] == ["It", "'s", "here", "."]
assert "scipy" not in sys.modules and "sklearn" not in sys.modules
import nltk
assert nltk.FreqDist("aab").most_common(1) == [("a", 2)]
assert nltk.tokenize.punkt is sys.modules["nltk.tokenize.punkt"]
assert callable(nltk.word_tokenize) and nltk.__version__
try:
    nltk.no_such_name
except AttributeError:
    print("done")
"""


def test_tokenising_imports_no_scipy_and_the_package_is_run_when_it_is_needed() -> None:
    found = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "done"
