"""Random damage of the content of files, the same in every run."""

import random
import re

NASTY = [
    *(
        b"",
        b" ",
        b"\0",
        b"\n",
        b"\r",
        b"\t",
        b"\n\n",
        b"#doc ",
        b"#doc 1",
        b"N",
        b"['N']",
        b"[0]",
        b"O",
        b"I-Loc",
    ),
    *(
        b"-1",
        b"0",
        b"1",
        b"7",
        b"0.5",
        b"1e999",
        b"NaN",
        b"true",
        b"null",
        b'"',
        b"'",
        b"[]",
        b"{}",
        b'""',
        b"\\",
    ),
    *("\u2028".encode(), "\u00a0".encode(), "\ufeff".encode(), "\U0001f9ea".encode(), "٣".encode()),
    *(
        b"\xff\xfe",
        b"\xed\xa0\x80",
        b'"\\ud800"',
        b"\\u0000",
        b"9" * 30,
        b"9" * 5000,
        b"[" * 900 + b"]" * 900,
    ),
    *(b"[" * 20_000, b'{"a":' * 900 + b"1" + b"}" * 900, b"__import__('os')", b"['N', 'Kill']", b"[0, 1]"),
]


# A tag, a type or a number: values that can replace each other.
VALUE = re.compile(
    rb"(?<=\t)(?:O|[BI]-[A-Z][a-z]+)(?=\t)|(?<=')[A-Z]\w*(?=')|(?<=\")[A-Z]\w*(?=\")|(?<=[ [])\d+(?=[],}])"
)


def damage(content: bytes, rng: random.Random) -> bytes:
    """Damages the content once at random: its bytes, its fields or its values."""
    return rng.choice([damage_bytes, damage_fields, damage_values, damage_values])(content, rng)


def damage_bytes(content: bytes, rng: random.Random) -> bytes:
    """Flips a bit, or deletes, repeats, truncates or inserts bytes, at a random place."""
    start = rng.randrange(len(content) + 1)
    end = min(len(content), start + rng.choice([1, 2, 5, 40, 400]))
    flipped = bytes(byte ^ 1 << rng.randrange(8) for byte in content[start : start + 1])
    middle, rest = rng.choice(
        [
            (flipped, content[start + 1 :]),
            (b"", content[end:]),
            (content[start:end], content[start:]),
            (b"", b""),
            (rng.choice(NASTY), content[start:]),
        ]
    )
    return content[:start] + middle + rest


def damage_fields(content: bytes, rng: random.Random) -> bytes:
    """Swaps, replaces, repeats or removes lines or cells."""
    separator = rng.choice([b"\n", b"\t"] if b"\t" in content else [b"\n", b", ", b": ", b'"'])
    fields = content.split(separator)
    one, other = rng.randrange(len(fields)), rng.randrange(len(fields))
    accident = rng.randrange(4)
    if accident == 0:
        fields[one], fields[other] = fields[other], fields[one]
    elif accident == 1:
        fields[one] = rng.choice(NASTY)
    elif accident == 2:
        fields.insert(one, fields[other])
    else:
        fields.pop(one)
    return separator.join(fields)


def damage_values(content: bytes, rng: random.Random) -> bytes:
    """Replaces a tag, a type or a number by another of the same kind, so that the file stays well-formed."""
    values = list(VALUE.finditer(content))
    if not values:
        return content
    one = rng.choice(values)
    other = rng.choice([value for value in values if value[0].isdigit() == one[0].isdigit()])
    return content[: one.start()] + other[0] + content[one.end() :]
