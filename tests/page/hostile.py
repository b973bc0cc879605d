"""Texts and types that would break out of a page that does not escape them."""

from typing import Any

TEXTS = [
    "<script>window.hacked = 1</script> said Ann",
    "Ann </script><script>window.hacked = 1</script> left",
    '" onload="window.hacked = 1" x="',
    "' onfocus='window.hacked = 1' autofocus='",
    "<!-- Ann --> <![CDATA[ left ]]> &amp; &#x3c;",
    "<svg><g onload=window.hacked=1></g></svg>",
    "{{ 7 * 7 }} {% raw %} {# Ann #}",
    "line\u2028separator\u2029and\nnewline\tand tab",
    "Ann \x00 left \x1b[31m Oslo \x7f \ud800",
    "\u202eAnn left Oslo\u202c \u2066Boston\u2069",
    "דנה גרה בחיפה , מדינת ישראל .",
    "مرحبا Ann في أوسلو",
    "👩\u200d🔬 Ann 👍🏽 🇳🇴 left 東京 e\u0301",
    "W" * 400,
    "<" * 300 + " " + '"' * 300,
    "   ",
]
"""Texts of one sentence each."""


def records() -> list[dict[str, Any]]:
    """Returns a record for each text, whose id and types are hostile too."""
    made = []
    for number, text in enumerate(TEXTS):
        middle = max(1, len(text) // 2)
        spans = [(0, middle), (middle, len(text)), (0, len(text))]
        entities = [
            {"start_char": a, "end_char": b, "type": TEXTS[(number + i) % 10], "probability": 0.5}
            for i, (a, b) in enumerate(spans)
        ]
        pairs = [(0, 1), (1, 0), (2, 2)]
        relations = [
            {"subject": s, "object": o, "type": TEXTS[(number + i) % 10], "probability": 0.25}
            for i, (s, o) in enumerate(pairs)
        ]
        record = {"id": f"{text} {number}", "text": text, "entities": entities, "relations": relations}
        made.append(record)
    return made
