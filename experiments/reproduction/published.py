"""The paper's published numbers, and notes on its errors and gaps. F1 is in %, of entities, then relations.

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
"""The difference of CMAN's F1 and the baseline's, where the paper's text has a number.

The paper's figures show the other differences without numbers.
"""

_UNEQUAL_INPUT = (
    "The paper compares CMAN with ELMo to a baseline without ELMo. Here both systems read the same input."
)
_SEEDS = (
    "The paper does not name its seeds. Our numbers are the mean ± standard deviation (n - 1) over the seeds "
    "named in the row."
)
_POOLED = (
    "A comparison of the two systems pools the predictions of all seeds. Intervals are 95 % bootstrap "
    "intervals over sentences. p belongs to a two-sided approximate randomisation test of the difference, "
    "without a correction for the number of bins."
)

NOTES: Mapping[str, tuple[str, ...]] = {
    "table1": (
        "Multi-turn QA's 68.20 is its recall; its F1 is 68.9.",
        "The paper says that Multi-head + AT concatenates features of labels. The released configuration of "
        "Multi-head + AT has label embeddings of size 0, and so does ours.",
        "Multi-head without AT is not in the paper. Its numbers are from Bekoulis et al. (2018), Joint "
        "entity recognition and relation extraction as a multi-head selection problem. Their released code "
        "without AT reached 84.12 / 61.48 when one of its authors ran it again, and 82.2 / 58.4 when an "
        "outside user ran it (issue 15 of its repository).",
        "The paper does not say how it chose the epoch. Protocol (i) trains on train and takes the epoch "
        "with the best mean of both F1 on dev. Protocol (ii) trains on train and dev and takes the last "
        "epoch.",
        "According to the paper's text, CMAN gains 1.68 / 1.50 over SpERT and 7.01 / 11.02 over "
        "Multi-head + AT.",
        _UNEQUAL_INPUT,
        _SEEDS,
        _POOLED,
    ),
    "table2": (
        "The paper claims a gain of more than 1.9 % over SpERT in RE; it is exactly 1.90 (and 0.15 in NER).",
        "BIO tags cannot express overlapping entities. Training keeps the longest of two overlapping "
        "entities. Scoring drops both, with their relations, from gold and predictions, as SpERT does. The "
        "dev split of a fold is 15 % of its training part.",
        "Our numbers are the mean ± standard deviation (n - 1) over folds.",
    ),
    "table3": (
        "The paper's NER differs between its two lines. But NER does not read labels, so it cannot differ. "
        "Our NER was checked: all counts are equal. Only RE can be compared.",
        _SEEDS,
    ),
    "table4": (_SEEDS,),
    "figure4": (
        'The paper does not state the edges of its bins, and its text says "more than 20". So both the bin '
        ">20 and the bin >=20 are shown.",
        "The distance is between the last characters of both entities, with tokens joined by one space. A "
        "relation counts at its own distance, an entity at the distance of every relation that it is in.",
        _UNEQUAL_INPUT,
        _POOLED,
    ),
    "figure5": (
        "In the paper's split, Bekoulis', 20 sentences of dev have 50 tokens or more. Read the numbers of "
        "this bin with their intervals.",
        _UNEQUAL_INPUT,
        _POOLED,
    ),
}
