"""The page on which a person types a text, and its answers in words; both without a script.

The form's answer is a page of `html.render`, which appears in a frame below the form. The frame is a sandbox:
its page may run its own script, and neither read nor change anything outside.
"""

from cman_jax.page.html import asset, digest, environment

NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
"""The content security policy of a page that needs nothing, and may be in a frame of the same server."""


def form_page(title: str, characters: int) -> tuple[str, str]:
    """Returns the page with the form, and its content security policy.

    Args:
      title: the title.
      characters: how long a text may be.

    Raises:
      InputError: the extra `page` is not installed.
    """
    css = asset("form.css")
    policy = (
        f"default-src 'none'; style-src {digest(css)}; form-action 'self'; frame-src 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    template = environment().get_template("form.html")
    return template.render(title=title, css=css, characters=characters), policy


def message_page(message: str) -> str:
    """Returns a page that shows one message instead of records; its policy is `NOTHING`.

    Args:
      message: any text.
    """
    return environment().get_template("message.html").render(message=message)
