"""The bytes of a checkpoint: laid out as safetensors', and handled once."""

import hashlib
import os
from types import SimpleNamespace

import numpy as np
import pytest
from safetensors.numpy import load, save

from train.checkpoints import format as file_format


def arrays():
    random = np.random.default_rng(3)
    made = {
        dtype: abs(10 * random.normal(size=(3, 5))).astype(dtype)
        for dtype in ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?"]
    }
    return made | {
        "scalar": np.array(2.5, np.float32),
        "empty": np.zeros((0, 4)),
        "é": np.ones(1),
    }


def test_a_file_is_what_safetensors_writes_for_the_same_arrays():
    made, metadata = arrays(), {"format": "own", "quote": 'a "b"\n'}
    ours = b"".join(map(bytes, file_format._laid_out(made, metadata)))
    theirs = save(made, metadata)
    assert len(ours) - len(theirs) in range(-64, 65)  # other spaces and another order in the head
    for name, array in load(ours).items():
        assert (array.dtype, array.shape) == (made[name].dtype, made[name].shape)
        np.testing.assert_array_equal(array, made[name])
    assert load(ours).keys() == made.keys()
    head = int.from_bytes(ours[:8], "little")
    assert head % 8 == 0  # so that the arrays lie where their numbers may be read in place


def test_saving_handles_each_byte_twice_and_waits_for_the_disk_once(monkeypatch, tmp_path):
    made = {"weight": np.ones((300, 7)), "bias": np.ones(7, np.float32)}
    flushed, hashed = [], []

    def sha256(text):
        digest = hashlib.sha256(text)

        def update(part):
            hashed.append(len(memoryview(part).cast("B")) if memoryview(part).nbytes else 0)
            digest.update(part)

        return SimpleNamespace(update=update, hexdigest=digest.hexdigest)

    monkeypatch.setattr(os, "fsync", flushed.append)
    monkeypatch.setattr(file_format, "hashlib", SimpleNamespace(sha256=sha256))
    file_format.write(tmp_path / "a.safetensors", made, {})
    parts = file_format._laid_out(made, {})[2:]
    size = sum(array.nbytes for array in made.values())
    assert len(flushed) == 1
    assert size <= sum(hashed) < size + 100  # with the names and shapes
    for part, array in zip(parts, made.values(), strict=True):
        assert np.shares_memory(np.frombuffer(part, array.dtype), array)  # nothing is copied
    monkeypatch.undo()
    found, _ = file_format.read(tmp_path / "a.safetensors")
    np.testing.assert_array_equal(found["weight"], made["weight"])


@pytest.mark.parametrize("place", [3, 9, 40, -1])
def test_a_flipped_bit_of_the_head_or_of_the_arrays_is_told(place, tmp_path):
    path = tmp_path / "a.safetensors"
    file_format.write(path, {"weight": np.ones((3, 2))}, {"epoch": 1})
    damaged = bytearray(path.read_bytes())
    damaged[place] ^= 4
    path.write_bytes(damaged)
    with pytest.raises(ValueError, match=r"a\.safetensors"):
        file_format.read(path)
