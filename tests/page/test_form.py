"""The page with the text box: a form by keyboard, a policy that fits its style, and messages as text."""

import base64
import hashlib
import re

from cman_jax.page.form import NOTHING, form_page, message_page
from tests.page.hostile import TEXTS


def test_the_policy_allows_the_style_of_the_page_and_no_script() -> None:
    page, policy = form_page("Found", 1000)
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}';" in policy
    assert "<script" not in page
    assert "script-src" not in policy
    assert 'maxlength="1000"' in page


def test_every_part_has_a_name_and_none_leaves_the_order_of_the_keyboard() -> None:
    page, _ = form_page("<b>Found</b>", 1000)
    assert "&lt;b&gt;Found&lt;/b&gt;" in page
    assert '<label for="text">' in page
    assert page.count("<input") == len(re.findall(r"<label>[^<]*<input|<label><input", page))
    assert 'title="What was extracted"' in page
    assert "tabindex" not in page


def test_a_message_is_text() -> None:
    for text in TEXTS:
        page = message_page(text)
        assert page.count("<") == message_page("").count("<")
    assert "style-src" not in NOTHING
    assert "script-src" not in NOTHING
