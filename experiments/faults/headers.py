"""Files with headers that lie, made on purpose: sizes of terabytes, negative places, pickles, links."""

import gzip
import json
import pickle
import random
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

DEEP = "[" * 100_000
_NUMBERS = (-1, 0, 1, 2, 3, 7, 4096, 2**31, 2**63, 10**12, 10**30, 1e300, 0.5, float("nan"))
_VALUES = (*_NUMBERS, None, True, "", "../../x", "/etc/passwd", [], {}, [[[]]], "\ud800")


def forge(path: Path, rng: random.Random) -> None:
    """Rewrites a file of a model so that its header, or what it states of itself, does not fit."""
    if path.suffix == ".hdf5":
        forge_hdf5(path, rng)
        return
    makers: dict[str, Callable[[bytes, random.Random], bytes]] = {
        ".safetensors": forge_safetensors,
        ".npy": forge_npy,
        ".json": forge_json,
        ".index": forge_index,
    }
    path.write_bytes(makers.get(path.suffix, forge_vectors)(path.read_bytes(), rng))


def forge_safetensors(content: bytes, rng: random.Random) -> bytes:
    """Returns a safetensors file with another header: its length, a tensor's place, shape or type."""
    length = int.from_bytes(content[:8], "little")
    header, data = json.loads(content[8 : 8 + length]), content[8 + length :]
    one, other = rng.sample(sorted(header.keys() - {"__metadata__"}), 2)
    first, last = header[one]["data_offsets"]
    accident = rng.randrange(9)
    if accident == 0:
        wrong = rng.choice([0, 1, length - 1, length + 1, 10**8, 2**63, 2**64 - 1])
        return wrong.to_bytes(8, "little") + content[8:]
    if accident == 1:
        header[one] |= {"shape": [10**6, 10**6], "data_offsets": [first, first + 4 * 10**12]}
    elif accident == 2:
        header[one]["data_offsets"] = [-last, -first]
    elif accident == 3:
        header[one]["data_offsets"] = header[other]["data_offsets"]
    elif accident == 4:
        header[one]["dtype"] = rng.choice(["F64", "BF16", "I32", "F8_E4M3", "X"])
    elif accident == 5:
        header[one]["shape"] = rng.choice([header[one]["shape"][::-1], [2**62, 4], [-1], [], None])
    elif accident == 6:
        header[one] = rng.choice(_VALUES[:-1])
    elif accident == 7:
        place = rng.randrange(len(data) // 4) * 4
        number = np.float32(rng.choice([np.nan, np.inf, 3e38, -3e38, 0.0])).tobytes()
        data = data[:place] + number + data[place + 4 :]
    text = DEEP if accident == 8 else json.dumps(header)
    return len(text).to_bytes(8, "little") + text.encode() + data


def forge_npy(content: bytes, rng: random.Random) -> bytes:
    """Returns an npy file with another header: its shape, type, order or version."""
    end = content.index(b"\n") + 1
    header, values = content[10:end].decode(), content[end:]
    kind, shape = "'<f4'", header[header.index("'shape': ") + 9 : header.index(")") + 1]
    by_column, version = "False", b"\1\0"
    accident = rng.randrange(6)
    if accident == 0:
        shape = rng.choice(["(10**12,)", f"({10**12}, 8)", f"({2**62}, 4)", "(-1,)", "()", "8", shape[:-1]])
    elif accident == 1:
        kind = rng.choice(["'|O'", "'<U8'", "'>f4'", "'<f8'", "'<i4'", "'V4'", "[('a', '<f4')]", "'f999'"])
        values = pickle.dumps([1.0] * 8) if kind == "'|O'" else values
    elif accident == 2:
        by_column = rng.choice(["True", "7", "[]"])
    elif accident == 3:
        version = bytes([rng.randrange(5), rng.randrange(2)])
    made = f"{{'descr': {kind}, 'fortran_order': {by_column}, 'shape': {shape}, }}\n"
    if accident == 4:
        made = rng.choice(["(" * 5000, "-" * 5000 + "1", "__import__('os').abort()", "{" * 60, "\0"]) + "\n"
    if accident == 5:
        values = rng.choice([b"", values[:-1], values + b"\0\0\0\0", values * 2])
    return b"\x93NUMPY" + version + len(made).to_bytes(2, "little") + made.encode() + values


def forge_json(content: bytes, rng: random.Random) -> bytes:
    """Returns a JSON file with another value, without a key, with a new key, or nested very deeply."""
    value = json.loads(content)
    place = value
    while isinstance(inner := rng.choice(list(place.values())), dict) and inner and rng.random() < 0.8:
        place = inner
    key = rng.choice(list(place))
    accident = rng.randrange(6)
    if accident == 0:
        del place[key]
    elif accident == 1:
        place[f"{key}_2"] = place[key]
    elif accident == 2:
        place[key] = DEEP
        return json.dumps(value).replace(f'"{DEEP}"', DEEP + "]" * len(DEEP)).encode()
    elif isinstance(place[key], list) and place[key] and rng.random() < 0.7:
        place[key][rng.randrange(len(place[key]))] = rng.choice(_VALUES)
    else:
        place[key] = rng.choice(_NUMBERS if isinstance(place[key], int) else _VALUES)
    return json.dumps(value).encode()


def forge_index(content: bytes, rng: random.Random) -> bytes:
    """Returns an index of features with another line, whose checksum is right."""
    lines = content.split(b"\n")
    number = rng.randrange(len(lines) - 1)
    payload = lines[number].partition(b" ")[2]
    if number and rng.random() < 0.5:
        value = json.loads(payload)
        value["sentences"][rng.randrange(len(value["sentences"]))][rng.randrange(2)] = rng.choice(_VALUES)
        payload = json.dumps(value).encode()
    else:
        payload = forge_json(payload, rng)
    lines[number] = b"%08x %s" % (zlib.crc32(payload), payload)
    return b"\n".join(lines)


def forge_vectors(content: bytes, rng: random.Random) -> bytes:
    """Returns a file of word vectors with another header, with one very long line, or zipped."""
    zipped = content.startswith(b"\x1f\x8b")
    plain = gzip.decompress(content) if zipped else content
    rest = plain.partition(b"\n")[2]
    numbers = [rng.choice([-1, 0, 1, 3, 10**6, 10**12, 10**30]) for _ in range(2)]
    accident = rng.randrange(5)
    if accident == 0:
        plain = b"%d %d\n%s" % (*numbers, rest)
    elif accident == 1:
        plain = b"%d 4\n%s" % (numbers[0], rest)
    elif accident == 2:
        plain += rng.choice([b"a", b"1 ", b" ", b"\0", b"\n"]) * 3_000_000
    elif accident == 3:
        plain = plain.replace(b" ", rng.choice([b"  ", b"\t", b" nan ", b" 1e999 ", b" 1_0 "]), 2)
    made = gzip.compress(plain, 6) if zipped or accident == 4 else plain
    return made[: len(made) // 2] if zipped and rng.random() < 0.2 else made


def forge_hdf5(path: Path, rng: random.Random) -> None:
    """Replaces a dataset of an HDF5 file by one with another shape, type or storage, or by a link."""
    import h5py

    other = path.with_name("other_file")
    with h5py.File(path, "r+") as file:
        names: list[str] = []
        file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
        name, second = rng.choice(sorted(names)), rng.choice(sorted(names))
        values = file[name][()]
        del file[name]
        accident = rng.randrange(8)
        if accident == 0:
            file.create_dataset(name, rng.choice([(10**6, 10**6), (2**40,)]), "f4", chunks=True)
        elif accident == 1:  # the shape that is wanted, in no byte
            shape = getattr(values, "shape", ()) or (1,)
            file.create_dataset(name, shape, "f4", chunks=True)
        elif accident == 2:
            with h5py.File(other, "w") as elsewhere:
                elsewhere[name] = values
            file[name] = h5py.ExternalLink(other.name, name)
        elif accident == 3:
            file[name] = h5py.SoftLink(f"/{rng.choice([name, second, 'nowhere'])}")
        elif accident == 4:
            _in_other_file(file, name, values, other, virtual=rng.random() < 0.5)
        elif accident == 5:
            strange: list[Any] = [b"text", 7, np.arange(6), np.float64(1e300), np.array([np.nan], "f4")]
            file[name] = rng.choice(strange)
        elif accident == 6:
            file.create_group(name)
        else:
            packed = {"compression": "gzip"} if np.ndim(values) else {}
            file.create_dataset(name, data=values, **packed)


def _in_other_file(file: Any, name: str, values: Any, other: Path, *, virtual: bool) -> None:
    """Makes a dataset whose numbers are in another file: as a view, or as plain bytes."""
    import h5py

    values = np.asarray(values, "f4") if np.asarray(values).dtype.kind == "f" else np.zeros((1,), "f4")
    if virtual:
        with h5py.File(other, "w") as elsewhere:
            elsewhere["a"] = values
        layout = h5py.VirtualLayout(values.shape, "f4")
        layout[...] = h5py.VirtualSource(other, "a", values.shape)
        file.create_virtual_dataset(name, layout)
    else:
        other.write_bytes(values.tobytes())
        file.create_dataset(name, values.shape, "f4", external=[(str(other), 0, values.nbytes)])
