"""A golden sample of every format: files, and exactly what a reader must find in them."""

from typing import NamedTuple

from cman_jax.data.formats import brat, doccano, labelstudio, standoff
from cman_jax.types import Entity, Relation, Sentence


class Sample(NamedTuple):
    """A small corpus.

    Attributes:
      files: the content of each file by its name; the first one is the file that the reader is called with,
        or its folder if there are several.
      sentences: the sentences that the corpus contains.
      oddities: the number of oddities of each kind.
    """

    files: dict[str, str]
    sentences: list[Sentence]
    oddities: dict[str, int]


JANE = ("Jane", "Roe", "works", "for", "Acme", ".")
PEOPLE = (Entity(0, 2, "Person"), Entity(4, 5, "Org"))
WORKS = (Relation(0, 1, "Work_For"),)
BORN = ("Ann", "’s", "home", "is", "Genoa", "!")

TEXT = "Jane Roe works for Acme.\nDr Lee’s team moved to Oslo-West in 2020."
TEAM = ("Dr", "Lee", "'s", "team", "moved", "to", "Oslo-West", "in", "2020", ".")
IN_TEXT = [
    Sentence("a.1", JANE, PEOPLE, WORKS),
    Sentence("a.2", TEAM, (Entity(1, 2, "Person"), Entity(6, 7, "Loc")), (Relation(0, 1, "At"),)),
]
IN_TEXT_ODD = {standoff.CUT: 1, standoff.APART: 1}

CANONICAL = """\
{"id": "n1", "tokens": ["Jane", "Roe", "works", "for", "Acme", "."], "entities": [{"start": 0, "end": 2, "type": "Person"}, {"start": 4, "end": 5, "type": "Org"}], "relations": [{"subject": 0, "object": 1, "type": "Work_For"}]}
{"id": "n2", "tokens": ["Ann", "’s", "home", "is", "Genoa", "!"], "entities": [], "relations": []}
"""  # noqa: E501

SPERT = """\
[{"tokens": ["Jane", "Roe", "works", "for", "Acme", "."],
 "entities": [{"type": "Person", "start": 0, "end": 2}, {"type": "Org", "start": 4, "end": 5}],
 "relations": [{"type": "Work_For", "head": 0, "tail": 1}], "orig_id": "n1"},
{"tokens": ["Ann", "’s", "home", "is", "Genoa", "!"], "entities": [], "relations": [], "orig_id": "n2"}]
"""

COLUMNS = """\
#doc n1
0\tJane\tB-Person\t['N']\t[0]
1\tRoe\tI-Person\t['Work_For']\t[4]
2\tworks\tO\t['N']\t[2]
3\tfor\tO\t['N']\t[3]
4\tAcme\tB-Org\t['N']\t[4]
5\t.\tO\t['N']\t[5]
#doc n2
0\tAnn\tO\t['N']\t[0]
1\t’s\tO\t['N']\t[1]
2\thome\tO\t['N']\t[2]
3\tis\tO\t['N']\t[3]
4\tGenoa\tO\t['N']\t[4]
5\t!\tO\t['N']\t[5]
"""

CONLL = """\
# id = n1
Jane\tB-Person\t[]\t[]
Roe\tI-Person\t['Work_For']\t[4]
works\tO\t[]\t[]
for\tO\t[]\t[]
Acme\tB-Org\t[]\t[]
.\tO\t[]\t[]

# id = n2
Ann\tO\t[]\t[]
’s\tO\t[]\t[]
home\tO\t[]\t[]
is\tO\t[]\t[]
Genoa\tO\t[]\t[]
!\tO\t[]\t[]
"""

BRAT = """\
T1\tPerson 0 8\tJane Roe
T2\tOrg 19 23\tAcme
T3\tPerson 28 31\tLee
T4\tLoc 48 52\tOslo
T5\tLoc 48 52;61 65\tOslo 2020
R1\tWork_For Arg1:T1 Arg2:T2\t
R2\tAt Arg1:T3 Arg2:T4
R3\tAt Arg1:T1 Arg2:T4
R4\tAt Arg1:T1 Arg2:T5
E1\tMove:T4 Who:T3
A1\tPast E1
#1\tAnnotatorNotes T1\tcheck
"""
BRAT_ODD = {
    **IN_TEXT_ODD,
    brat.DISCONTINUOUS: 1,
    standoff.LEFT_OUT: 1,
    brat.EVENT: 1,
    brat.ATTRIBUTE: 2,
}

DOCCANO = (
    '{"id": "a", "text": "Jane Roe works for Acme.\\nDr Lee’s team moved to Oslo-West in 2020.", '
    '"entities": ['
    '{"id": 11, "label": "Person", "start_offset": 0, "end_offset": 8}, '
    '{"id": 12, "label": "Org", "start_offset": 19, "end_offset": 23}, '
    '{"id": 13, "label": "Person", "start_offset": 28, "end_offset": 31}, '
    '{"id": 14, "label": "Loc", "start_offset": 48, "end_offset": 52}], "relations": ['
    '{"id": 1, "from_id": 11, "to_id": 12, "type": "Work_For"}, '
    '{"id": 2, "from_id": 13, "to_id": 14, "type": "At"}, '
    '{"id": 3, "from_id": 11, "to_id": 14, "type": "At"}], "Comments": []}\n'
)

DOCCANO_LABELS = (
    '{"id": 7, "text": "Jane Roe works for Acme.", "label": [[0, 8, "Person"], [19, 23, "Org"]]}\n'
    '{"id": 8, "text": "Ann is here.", "labels": []}\n'
)

LABELSTUDIO = """\
[{"id": "a", "data": {"text": "Jane Roe works for Acme.\\nDr Lee’s team moved to Oslo-West in 2020."},
  "annotations": [{"was_cancelled": true, "result": []}, {"was_cancelled": false, "result": [
 {"id": "x1", "type": "labels", "value": {"start": 0, "end": 8, "text": "Jane Roe", "labels": ["Person"]}},
 {"id": "x2", "type": "labels", "value": {"start": 19, "end": 23, "text": "Acme", "labels": ["Org"]}},
 {"id": "x3", "type": "labels", "value": {"start": 28, "end": 31, "text": "Lee", "labels": ["Person"]}},
 {"id": "x4", "type": "labels", "value": {"start": 48, "end": 52, "text": "Oslo", "labels": ["Loc"]}},
 {"id": "x5", "type": "choices", "value": {"choices": ["news"]}},
 {"type": "relation", "from_id": "x1", "to_id": "x2", "direction": "right", "labels": ["Work_For"]},
 {"type": "relation", "from_id": "x4", "to_id": "x3", "direction": "left", "labels": ["At"]},
 {"type": "relation", "from_id": "x1", "to_id": "x4", "direction": "right", "labels": ["At"]},
 {"type": "relation", "from_id": "x1", "to_id": "x2", "direction": "right"}]}]}]
"""
LABELSTUDIO_ODD = {
    **IN_TEXT_ODD,
    labelstudio.FURTHER: 1,
    labelstudio.UNREAD: 1,
    labelstudio.NO_TYPE: 1,
}

PAIR = [Sentence("n1", JANE, PEOPLE, WORKS), Sentence("n2", BORN)]

SAMPLES = {
    "canonical": Sample({"c.jsonl": CANONICAL}, PAIR, {}),
    "spert": Sample({"s.json": SPERT}, PAIR, {}),
    "bekoulis": Sample({"b.txt": COLUMNS}, PAIR, {}),
    "conll": Sample({"c.conll": CONLL}, PAIR, {}),
    "brat": Sample({"a.ann": BRAT, "a.txt": TEXT}, IN_TEXT, BRAT_ODD),
    "doccano": Sample({"d.jsonl": DOCCANO}, IN_TEXT, {**IN_TEXT_ODD, doccano.UNREAD: 1}),
    "labelstudio": Sample({"l.json": LABELSTUDIO}, IN_TEXT, LABELSTUDIO_ODD),
}
"""One sample for each name of `cman_jax.data.formats.registry.FORMATS` whose files are text."""
