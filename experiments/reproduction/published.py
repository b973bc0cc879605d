"""What the paper prints, and what is wrong or unsaid there. F1 in %, entities first, then relations.

Source: Zhao et al., Modeling Dense Cross-Modal Interactions for Joint Entity-Relation Extraction, IJCAI 2020.
"""

from collections.abc import Mapping

TITLES = {
    "table1": "Table 1: CoNLL04, test",
    "table2": "Table 2: ADE, mean over folds",
    "table3": "Table 3: source of the labels, CoNLL04, test",
    "table4": "Table 4: ablations, CoNLL04, test",
    "figure4": "Figure 4: F1 by the distance of two entities, CoNLL04, dev",
    "figure5": "Figure 5: F1 by sentence length, CoNLL04, dev",
}

PUBLISHED: Mapping[str, Mapping[str, tuple[float, float]]] = {
    "table1": {
        "Table Representation": (80.70, 61.00),
        "Multi-head": (83.9, 62.0),
        "Multi-head + AT": (83.61, 61.95),
        "Relation-Metric + AT": (84.57, 62.28),
        "Multi-turn QA (BERT)": (87.80, 68.20),
        "SpERT (BERT)": (88.94, 71.47),
        "CMAN": (90.62, 72.97),
    },
    "table2": {
        "Joint Model": (79.50, 63.40),
        "Neural joint": (84.60, 71.40),
        "Multi-head + AT": (86.73, 75.52),
        "Relation-Metric + AT": (87.02, 77.19),
        "SpERT (BERT)": (89.25, 79.24),
        "CMAN": (89.40, 81.14),
    },
    "table3": {"Predicted label": (90.62, 72.97), "Golden label": (90.44, 72.80)},
    "table4": {
        "CMAN": (90.62, 72.97),
        "− self-attention in BSA": (90.16, 70.18),
        "− BLA unit": (90.57, 70.84),
        "− both units": (89.34, 68.95),
        "BiLSTM → MLP": (89.82, 70.34),
    },
}

PUBLISHED_GAINS: Mapping[str, Mapping[str, Mapping[str, float]]] = {
    "figure4": {">=20": {"re": 14.67}},
    "figure5": {">=50": {"ner": 10.26, "re": 21.42}},
}
"""By how much CMAN's F1 exceeds the baseline's, where the text gives a number; the rest is only drawn."""

_UNEQUAL_INPUT = "The paper sets CMAN with ELMo beside a baseline without it. Here both read the same input."
_SEEDS = "The paper names no seeds. Ours are mean ± standard deviation (n - 1) over those named in the row."
_POOLED = (
    "Where the two systems are compared, the answers of all seeds are pooled. Intervals: 95 %, bootstrap "
    "over sentences. p: approximate randomisation test of the difference, two-sided, not corrected for the "
    "number of bins."
)

NOTES: Mapping[str, tuple[str, ...]] = {
    "table1": (
        "Multi-turn QA's 68.20 is its recall; its F1 is 68.9.",
        "The paper says that Multi-head + AT concatenates features of labels; its released configuration has "
        "label embeddings of size 0, and so has ours.",
        "Multi-head without AT does not stand in the paper; its numbers are those of Bekoulis et al. (2018), "
        "Joint entity recognition and relation extraction as a multi-head selection problem. Their released "
        "code without AT gave 84.12 / 61.48 to an author who ran it again and 82.2 / 58.4 to a stranger "
        "(issue 15 of its repository).",
        "The paper does not say how the epoch was chosen. Protocol (i): trained on train, best epoch by the "
        "mean of both F1 on dev; (ii): trained on train and dev, last epoch.",
        "In the paper's text: CMAN gains 1.68 / 1.50 over SpERT and 7.01 / 11.02 over Multi-head + AT.",
        _UNEQUAL_INPUT,
        _SEEDS,
        _POOLED,
    ),
    "table2": (
        "The paper claims more than 1.9 % over SpERT in RE; it is 1.90 exactly (and 0.15 in NER).",
        "Spans that overlap cannot be tagged: training keeps the longest, scoring drops both from gold and "
        "predictions, with their relations, as SpERT does. 15 % of each fold's training part is its dev.",
        "Ours are mean ± standard deviation (n - 1) over folds.",
    ),
    "table3": (
        "The paper's NER differs between its two lines, but NER never reads labels: it cannot. Ours is found "
        "equal to the last count. Only RE can be compared.",
        _SEEDS,
    ),
    "table4": (_SEEDS,),
    "figure4": (
        'The paper gives no bin edges, and its text says "more than 20": hence the bin >20 beside >=20.',
        "Distance: between the offsets of both entities' last characters, tokens joined by one space. A "
        "relation counts by its own distance, an entity at that of every relation it takes part in.",
        _UNEQUAL_INPUT,
        _POOLED,
    ),
    "figure5": (
        "In the paper's split, Bekoulis', 20 sentences of dev have 50 tokens or more: mind the intervals.",
        _UNEQUAL_INPUT,
        _POOLED,
    ),
}
