"""What is extracted from one text: entities and relations with their places and probabilities."""

from html import escape
from typing import Any, NamedTuple

from cman_jax.data.text import Document
from cman_jax.errors import InputError
from cman_jax.types import Annotation


class Triple(NamedTuple):
    """A relation in words.

    Attributes:
      subject: the text of the subject.
      type: the relation type.
      object: the text of the object.
      probability: of the relation with both entities, 0 to 1.
    """

    subject: str
    type: str
    object: str
    probability: float


class Record(dict[str, Any]):
    """The canonical form of a sentence, with text, character offsets and probabilities; ready for JSON.

    Keys:
      id, text, tokens: the sentence's. The text has its characters as given. The tokens are what the network
        read: straight forms for raw text, so that "Ann’s" has the tokens "Ann" and "'s".
      document, document_start: the id of the document that the sentence is from, and the index in the
        document's text of the first character of `text`.
      entities: one object each with `start`, `end` (tokens), `start_char`, `end_char` (characters), all ends
        exclusive, `type`, `text` and `probability`.
      relations: one object each with `subject` and `object` (indices of entities), `type`, `probability` (of
        the whole triple) and `relation_probability` (if both entities are right; the threshold reads it).
    """

    @classmethod
    def of(cls, document: Document, annotation: Annotation) -> "Record":
        """Returns the record of an annotated document.

        Args:
          document: the sentence with its text.
          annotation: its entities and relations, with all probabilities.
        """
        entities = []
        for entity, probability in zip(annotation.entities, annotation.entity_prob, strict=True):
            start, end = document.offsets[entity.start][0], document.offsets[entity.end - 1][1]
            span = {"start_char": start, "end_char": end, "text": document.text[start:end]}
            entities.append({**entity._asdict(), **span, "probability": round(probability, 6)})
        probabilities = zip(annotation.triple_prob, annotation.relation_prob, strict=True)
        relations = [
            {**relation._asdict(), "probability": round(triple, 6), "relation_probability": round(cell, 6)}
            for relation, (triple, cell) in zip(annotation.relations, probabilities, strict=True)
        ]
        sentence = document.sentence
        return cls(
            id=sentence.id,
            document=document.document or sentence.id,
            document_start=document.start,
            text=document.text,
            tokens=list(sentence.tokens),
            entities=entities,
            relations=relations,
        )

    def triples(self) -> list[Triple]:
        """Returns the relations as (subject text, type, object text, probability)."""
        texts = [entity["text"] for entity in self["entities"]]
        return [
            Triple(texts[r["subject"]], r["type"], texts[r["object"]], r["probability"])
            for r in self["relations"]
        ]

    def __repr__(self) -> str:
        """Returns the text, then one line per entity and per relation."""
        lines = [self["text"]]
        lines += [f"  {e['text']} [{e['type']}]  {e['probability']:.2f}" for e in self["entities"]]
        lines += [f"  {s} -- {kind} --> {o}  {p:.2f}" for s, kind, o, p in self.triples()]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """Returns what a notebook shows: a drawing, or without the extra `page` the same text as `print`."""
        from cman_jax.page.annotated import visible  # not needed outside notebooks
        from cman_jax.page.html import fragment

        try:
            return fragment(self)
        except InputError:  # the extra is not installed, or the record was changed
            lines = [escape(visible(line)) for line in repr(self).split("\n")]
            return "\n".join(["<pre>", *lines, "</pre>"])
