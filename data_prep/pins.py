"""The published sources of the corpora: repository, commit, size and SHA-256 of every file.

Neither corpus states a licence for its data, so the files are downloaded and not redistributed. The word
vectors that this project trained have no public address, so they have no entry.
"""

from typing import NamedTuple


class File(NamedTuple):
    """A published file.

    Attributes:
      name: the name under which the file is written.
      size: its size in bytes.
      sha256: its SHA-256 digest, in hexadecimal.
      published_as: the name in the repository; empty: `name`.
    """

    name: str
    size: int
    sha256: str
    published_as: str = ""


class Source(NamedTuple):
    """The files of one folder of a repository, at one commit.

    Attributes:
      corpus: the name of the corpus in --corpus.
      commit: "owner/repository/hash", as in addresses on raw.githubusercontent.com.
      published_in: the folder in the repository.
      directory: the folder to write the files to, relative to --out.
      files: the files.
    """

    corpus: str
    commit: str
    published_in: str
    directory: str
    files: tuple[File, ...]


SOURCES = (
    # The split of Bekoulis et al. (2018), in their column format.
    Source(
        corpus="conll04",
        commit="bekou/multihead_joint_entity_relation_extraction/7f40a0f7c1892821591358518c542139e88f693e",
        published_in="data/CoNLL04",
        directory="conll04/bekoulis",
        files=(
            File("train.txt", 605406, "0f560fdaa150133fc4843f72e2a8e707e7f74f06a3a3095d4b9921f8d0ce3614"),
            File("dev.txt", 158566, "99e854fd2a7d19247230c3ed8c304f79022380c9d21b58f25e7ffc5fe3884e2d"),
            File("test.txt", 191006, "d172819deff771c059c9c6688d67c3ff2bdaa25cf71ec56b1f7e8c6705f96700"),
        ),
    ),
    # The split of Gupta et al. (2016), in SpERT's JSON.
    Source(
        corpus="conll04",
        commit="Coopercoppers/PFN/6173b3e6b048d1307766ee5d2f8178b30d6675b2",
        published_in="data/CONLL04",
        directory="conll04/spert",
        files=(
            File(
                "conll04_train.json",
                474194,
                "65c52d5b6134c72c44277c74c5ecb354bf33aa352fc7b856edf6bda0bb436eea",
                "train_triples.json",
            ),
            File(
                "conll04_dev.json",
                124823,
                "3965a5110a79671fb74a78c0fd0113c4da6583c3833bd418c1ca414bb491e010",
                "dev_triples.json",
            ),
            File(
                "conll04_test.json",
                151092,
                "347f45cf181b5641d2373248a1af0592954415234f72536835dde1df1b504556",
                "test_triples.json",
            ),
        ),
    ),
    # SpERT's ten folds.
    Source(
        corpus="ade",
        commit="Coopercoppers/PFN/6173b3e6b048d1307766ee5d2f8178b30d6675b2",
        published_in="data/ADE/raw",
        directory="ade/spert_folds",
        files=(
            File(
                "ade_full.json", 1953871, "5bc2355bcb3fa326d0749af0368e7b428b44a63fb8a1fb76ffeef14825e51384"
            ),
            File(
                "ade_split_0_train.json",
                1762487,
                "6624ac4d015c75f551aa15a43bd05e268082d98297d18269662737f7df358365",
            ),
            File(
                "ade_split_0_test.json",
                191384,
                "6d6a3584d3876a35854ef703f7a7059363599ad7ed3ab9c3e6e449ae8a252e9a",
            ),
            File(
                "ade_split_1_train.json",
                1753922,
                "811befd6d23d2aeb7cff3469d4b22d0c58fa61557b03257986ea1559042d42fe",
            ),
            File(
                "ade_split_1_test.json",
                199949,
                "532fa740c11466c54d06dfe4e2989bd800c046cb31c409f074b7b3d49cf99b23",
            ),
            File(
                "ade_split_2_train.json",
                1758475,
                "c13ff04545537879e1d2fa41ed25c4e5831bbd75d2c07a4d7c0e60d2691b5b25",
            ),
            File(
                "ade_split_2_test.json",
                195396,
                "69c4844907809f4e76516d7e9b7f8f2fa5eab2bdf27ee0dc02bdb367e673f994",
            ),
            File(
                "ade_split_3_train.json",
                1760054,
                "1d65b2aab0da37d3125cb0a90f6c66ad05af4ebb6f4685c4ede242cfb587cb1e",
            ),
            File(
                "ade_split_3_test.json",
                193817,
                "07e188e39118bd9644d4bb74ad841099853a5dfbecb035e5af2dc83a7d927495",
            ),
            File(
                "ade_split_4_train.json",
                1764853,
                "de8cdb999563697d330d97b9ac95a5ae1c83106eb812f25b12d807c6628f28a4",
            ),
            File(
                "ade_split_4_test.json",
                189018,
                "937eff5f8982fff83655872fcf150876145e75a381dcedfc45e2411f47146edc",
            ),
            File(
                "ade_split_5_train.json",
                1751698,
                "474668717b0fbcb4cf6fda984b8897b2e66f2550c9a052187c6ece012960a6cf",
            ),
            File(
                "ade_split_5_test.json",
                202173,
                "d01d706574d4921304d3b53a0b013fbe41d2f97439245cf768c503df1e70a9f3",
            ),
            File(
                "ade_split_6_train.json",
                1760744,
                "c3e41dea7c11c34da7f32be45ced3a162fff30abeb0939698937fe7a83446dca",
            ),
            File(
                "ade_split_6_test.json",
                193127,
                "3e35e7278060f16103665a47db1480e305346f255872ced202617c6d8025bb01",
            ),
            File(
                "ade_split_7_train.json",
                1757752,
                "3839c5f7cfd5c9e260a3a60a9c79f6ed54d21d66288413c8a2c2d8e985e9081c",
            ),
            File(
                "ade_split_7_test.json",
                196119,
                "6c4f25fffd1ce4fb1bf67bc54713b44f6e1abb9ca744d06a38ed88731a8d1371",
            ),
            File(
                "ade_split_8_train.json",
                1755338,
                "9c5c698bb7d5a72e11685a63de4a6b525e073eede445eaae0d44ce42166fffcc",
            ),
            File(
                "ade_split_8_test.json",
                198533,
                "69fb620cc4f9fe4d35533dba74b7234ebb2c2e69a988a8945219563ad12feb3c",
            ),
            File(
                "ade_split_9_train.json",
                1759516,
                "e863f0b8a717364fd553e55e041ea89e2a52d116e5b047cbaa1882410ab0813f",
            ),
            File(
                "ade_split_9_test.json",
                194355,
                "a02776d17963ada8aad5e1d4370e96d2478a8e44fd0944274ac0c44f4499b0ed",
            ),
        ),
    ),
    # ADE-Corpus-V2 as published; ADE-NEG.txt holds sentences without an adverse effect.
    Source(
        corpus="ade",
        commit="trunghlt/AdverseDrugReaction/2851af96e26050cf551a2e1f716ff861f7b1059b",
        published_in="ADE-Corpus-V2",
        directory="ade/raw_v2",
        files=(
            File("ADE-NEG.txt", 2308469, "8f506c159042ce354fbf26981dc39971dde8f09b1158d94106eab1e516e53fcf"),
            File("DRUG-AE.rel", 1423024, "542cdc483ccc94927762eaf2c9a8ecac49a6c10037dda2895be6a6e20160f75a"),
            File("DRUG-DOSE.rel", 59669, "78b46dfcdc1325d7f81e5e01f5a424e380e4b38fafca02f6e8f67064ca73f2db"),
            File("README.txt", 1585, "97be43269d425a88c605758b64cf058c59c4a9965af649b11670fbb66eea8f82"),
        ),
    ),
)
