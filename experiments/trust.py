"""Measures constraints, thresholds, false alarms and calibrated probabilities on trained runs.

    python -m experiments.trust --workdirs=runs/seed_0,runs/seed_1 --data=data/conll04 --negatives=ADE-NEG.txt

Nothing is written into the runs. Thresholds and calibrations are fitted on dev, constraints on train, and all
scores are of test. The negatives are a sample of lines `ID NEG sentence`, the same for every run. Writes
trust.json and trust.md into --out.
"""

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from absl import flags

from cman_jax.app.encoder_flags import encoders_for_prediction
from cman_jax.app.program import run_main
from cman_jax.app.runtime import start_jax
from cman_jax.data.corpus import load_splits
from cman_jax.data.stored import summary_of
from cman_jax.data.text import from_text
from cman_jax.encoders.encoder import Encoder
from cman_jax.errors import InputError
from cman_jax.evaluation.analysis.calibration import (
    Decisions,
    above,
    calibration_error,
    entity_decisions,
    equal_mass,
    triple_decisions,
)
from cman_jax.evaluation.analysis.fitting import fit_calibration, tuned_threshold
from cman_jax.evaluation.analysis.summary import decided_candidates
from cman_jax.evaluation.negatives import count_alarms
from cman_jax.files import read_lines, write_atomically, write_json
from cman_jax.inference.extractor import Extractor
from cman_jax.run.calibration import Calibration
from cman_jax.run.constraints import Constraints, allows, learn_constraints
from cman_jax.types import Annotation, Sentence

Annotations = Mapping[str, Sequence[Annotation]]
"""The candidates at threshold 0 for dev, test and negatives."""


class Setting(NamedTuple):
    """A way to decode: well-formed tags, constraints on types, a threshold tuned on dev."""

    bio: bool
    constrained: bool
    tuned: bool


SETTINGS = {
    "none": Setting(bio=False, constrained=False, tuned=False),
    "constraints": Setting(bio=False, constrained=True, tuned=False),
    "tuned threshold": Setting(bio=False, constrained=False, tuned=True),
    "constraints, tuned threshold": Setting(bio=False, constrained=True, tuned=True),
    "BIO": Setting(bio=True, constrained=False, tuned=False),
    "BIO, constraints (cman extract)": Setting(bio=True, constrained=True, tuned=False),
    "BIO, constraints, tuned threshold": Setting(bio=True, constrained=True, tuned=True),
}


def main(argv: Sequence[str]) -> None:
    """Measures as the flags say."""
    del argv
    f = flags.FLAGS
    start_jax()
    splits = load_splits(Path(f.data))
    workdirs = [Path(each) for each in f.workdirs]
    texts = {name: splits[name] for name in ("dev", "test")}
    if f.negatives:
        texts["negatives"], rest = read_negatives(Path(f.negatives), f.num_negatives, f.seed)
        if f.rest:
            write_atomically(f.rest, "".join(f"{text}\n" for text in rest).encode())
    constraints = learn_constraints([summary_of(splits["train"])])
    encoders = encoders_for_prediction(*workdirs)
    runs = [
        measure(folder, texts, constraints, encoder)
        for folder, encoder in zip(workdirs, encoders, strict=True)
    ]
    found = {"negatives": len(texts.get("negatives", ())), "seed": f.seed, "runs": runs, **summary(runs)}
    write_json(Path(f.out) / "trust.json", found)
    text = as_text(found)
    write_atomically(Path(f.out) / "trust.md", text.encode())
    print(text)


def read_negatives(path: Path, size: int, seed: int) -> tuple[list[Sentence], list[str]]:
    """Returns a sample of the distinct sentences of a file, tokenised, and the text of the other sentences.

    The sample is the same for the same seed.

    Raises:
      InputError: a line is not an id, NEG and a sentence, or the file has too few sentences.
    """
    sentences = set()
    for number, line in enumerate(read_lines(path), 1):
        name, mark, sentence = [*line.split(" ", 2), "", "", ""][:3]
        if not name or mark != "NEG" or not sentence.strip():
            raise InputError(path, number, repr(line[:40]), "an id, NEG and a sentence")
        sentences.add(sentence.strip())
    if len(sentences) < size:
        raise InputError(path, None, f"{len(sentences)} distinct sentences", f"at least {size}")
    chosen = random.Random(seed).sample(sorted(sentences), size)
    sample = [from_text(text, str(number)).sentence for number, text in enumerate(chosen, 1)]
    return sample, sorted(sentences - set(chosen))


def measure(
    workdir: Path, texts: Mapping[str, Sequence[Sentence]], constraints: Constraints, encoder: Encoder | None
) -> dict[str, Any]:
    """Returns one run's scores under every setting, and the errors of its probabilities."""
    candidates: dict[bool, Annotations] = {}
    for bio in (False, True):
        options = {"threshold": 0.0, "bio_constraints": bio, "constraints": "none"}
        extractor = Extractor.as_configured(workdir, encoder=encoder, **options)
        extractor.calibration = Calibration()
        candidates[bio] = {name: extractor.annotate(sentences) for name, sentences in texts.items()}
    rows = {}
    for name, setting in SETTINGS.items():
        answers = candidates[setting.bio]
        if setting.constrained:
            answers = {
                split: [allowed(annotation, constraints) for annotation in found]
                for split, found in answers.items()
            }
        threshold = _tuned(extractor, texts["dev"], answers["dev"]) if setting.tuned else 0.5
        least = dict.fromkeys(extractor.system.vocabs.relation_types, threshold)
        kept = {split: [above(each, least) for each in found] for split, found in answers.items()}
        scores = extractor.score(texts["test"], kept["test"])
        row = {task: scores.f1(task, **extractor.system.config.scoring.convention) for task in ("ner", "re")}
        row["threshold"] = threshold
        if "negatives" in kept:
            row["false_alarms"] = count_alarms(kept["negatives"]).share
        rows[name] = row
        if name == "none":
            fitted = fit_calibration(texts["dev"], kept["dev"])
        if not setting.tuned and setting.bio == setting.constrained:  # an evaluation, and extraction
            wider = [above(each, dict.fromkeys(least, 0.05)) for each in answers["test"]]
            row["errors"] = errors(texts["test"], kept["test"], fitted) | {
                f"{kind}, candidates": judged
                for kind, judged in errors(texts["test"], wider, fitted).items()
                if not kind.startswith("entity")
            }
    return {"workdir": workdir.name, "epoch": extractor.epoch, "calibration": fitted._asdict(), "rows": rows}


def allowed(annotation: Annotation, constraints: Constraints) -> Annotation:
    """Returns the annotation with only the relations that the constraints allow."""
    entities = annotation.entities
    kept = [
        i
        for i, (subject, object_, name) in enumerate(annotation.relations)
        if allows(constraints, name, entities[subject].type, entities[object_].type)
    ]
    return annotation.with_relations(kept)


def errors(
    gold: Sequence[Sentence], annotations: Sequence[Annotation], fitted: Calibration
) -> dict[str, dict[str, float]]:
    """Returns the expected calibration error of each kind of probability, in 15 bins of equal mass.

    `chance` is the mean error of perfect probabilities with the same values, over 1,000 draws: what remains
    by chance with so few predictions.
    """
    calibrated = [fitted(annotation) for annotation in annotations]
    cells = [annotation._replace(triple_prob=annotation.relation_prob) for annotation in annotations]
    kinds = {
        "relation alone": triple_decisions(gold, cells),
        "product": triple_decisions(gold, annotations),
        "triple, calibrated": triple_decisions(gold, calibrated),
        "entity": entity_decisions(gold, annotations),
        "entity, calibrated": entity_decisions(gold, calibrated),
    }
    return {
        name: {
            "count": len(decided.prob),
            "right": float(decided.right.mean()),
            "mean_prob": float(decided.prob.mean()),
            "error": calibration_error(equal_mass(decided)),
            "chance": chance(decided.prob),
        }
        for name, decided in kinds.items()
    }


def chance(prob: np.ndarray, draws: int = 1000) -> float:
    """Returns the mean error of probabilities that are true, when decisions are drawn by them."""
    draw = np.random.default_rng(0)
    found = (equal_mass(Decisions(prob, draw.random(len(prob)) < prob, 0)) for _ in range(draws))
    return float(np.mean([calibration_error(bins) for bins in found]))


def summary(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Returns the mean and the standard deviation over the runs of every number; None for a single run's."""
    std = _over(runs, lambda values: np.std(values, ddof=1)) if len(runs) > 1 else None
    return {"mean": _over(runs, np.mean), "std": std}


def as_text(found: Mapping[str, Any]) -> str:
    """Returns the tables of trust.md."""
    mean, std = found["mean"], found["std"]
    lines = [
        "# Constraints, thresholds and probabilities",
        "",
        f"`python -m experiments.trust` writes this page. Runs: {len(found['runs'])}; of several, means",
        f"± standard deviations. F1 on test in %. False alarms: share of {found['negatives']} sentences",
        "without relations that get a triple, in %. Thresholds are tuned on dev.",
        "",
        "| decoding | NER | RE | threshold | false alarms |",
        "|---|---|---|---|---|",
    ]
    for name, row in mean.items():
        keys = ("ner", "re", "threshold", "false_alarms")
        cells = [_cell(row, std and std[name], key, 2) if key in row else "" for key in keys]
        lines.append(f"| {' | '.join((name, *cells))} |")
    return "\n".join(lines + _error_lines(mean, std)) + "\n"


def _cell(mean: Mapping[str, float], std: Mapping[str, float] | None, key: str, digits: int) -> str:
    """Returns a mean, and its standard deviation if there are several runs."""
    return f"{mean[key]:.{digits}f}" + (f" ± {std[key]:.{digits}f}" if std else "")


def _error_lines(mean: Mapping[str, Any], std: Mapping[str, Any] | None) -> list[str]:
    """Returns the table of calibration errors."""
    lines = [
        "",
        "Expected calibration error on test, in 15 bins of equal mass. A triple is right with its type and",
        "both entities. `by chance` is the mean error of perfect probabilities with the same values, in as",
        "few predictions. `candidates` are triples with a relation_probability above 0.05. Calibrations",
        "are fitted on the triples above 0.5 and the entities of dev, with the decoding `none`.",
        "",
        "| decoding | probability | predictions | right | mean | error | by chance |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, row in mean.items():
        for kind, e in row.get("errors", {}).items():
            error = _cell(e, std and std[name]["errors"][kind], "error", 3)
            shares = f"{e['right']:.3f} | {e['mean_prob']:.3f}"
            lines.append(f"| {name} | {kind} | {e['count']:.0f} | {shares} | {error} | {e['chance']:.3f} |")
    return lines


def _over(runs: Sequence[Any], statistic: Any) -> Any:
    """Returns the statistic of every number in the rows of the runs."""

    def reduce(values: Sequence[Any]) -> Any:
        if isinstance(values[0], Mapping):
            return {key: reduce([value[key] for value in values]) for key in values[0]}
        return float(statistic(values))

    return reduce([run["rows"] for run in runs])


def _tuned(extractor: Extractor, dev: Sequence[Sentence], candidates: Sequence[Annotation]) -> float:
    """Returns the threshold with the best relation F1 on dev."""
    vocabs, scoring = extractor.system.vocabs, extractor.system.config.scoring
    types = {"entity_types": vocabs.entity_types, "relation_types": vocabs.relation_types}
    return tuned_threshold(decided_candidates(dev, candidates, scoring, **types)).threshold


if __name__ == "__main__":
    flags.DEFINE_list("workdirs", None, "Folders of runs that differ in the seed.", required=True)
    flags.DEFINE_string("data", None, "Folder with train, dev and test.", required=True)
    flags.DEFINE_string("negatives", None, "File of lines `ID NEG sentence`; none: not measured.")
    flags.DEFINE_string("rest", None, "File to write the negatives outside the sample to, to train on.")
    flags.DEFINE_integer("num_negatives", 2000, "Size of the sample of negatives.", lower_bound=1)
    flags.DEFINE_integer("seed", 0, "Seed of the sample.")
    flags.DEFINE_string("out", "docs/results/trust", "Folder to write to.")
    run_main(main)
