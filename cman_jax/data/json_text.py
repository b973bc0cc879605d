"""The one place where values become JSON text."""

import json
from typing import Any


def json_text(value: Any, **layout: Any) -> str:
    """Returns the value as JSON text.

    Args:
      value: whatever `json.dumps` takes.
      layout: further arguments of `json.dumps`, such as `indent`.

    Raises:
      ValueError: a number is NaN or infinite, which JSON cannot express.
    """
    return json.dumps(value, allow_nan=False, **layout)
