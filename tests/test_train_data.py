import gzip
import struct

import jax
import numpy as np
import pytest

from train import data


def idx(values):
    kinds = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}
    values = np.asarray(values)
    body = values.astype(values.dtype.newbyteorder(">")).tobytes()
    return head(*values.shape, kind=kinds[values.dtype.str[1:]]) + body


def head(*shape, kind=8):
    return bytes([0, 0, kind, len(shape)]) + struct.pack(f">{len(shape)}i", *shape)


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "i4", "f4", "f8"])
@pytest.mark.parametrize("pack", [lambda raw: raw, gzip.compress], ids=["plain", "gzip"])
def test_idx_files_of_every_type_are_read_gzipped_or_not(tmp_path, dtype, pack):
    values = np.arange(60).reshape(3, 4, 5).astype(dtype)
    (tmp_path / "images").write_bytes(pack(idx(values)))
    read = data.read_idx(tmp_path / "images")
    np.testing.assert_array_equal(read, values)
    assert read.dtype == np.dtype(dtype)
    assert read.dtype.isnative


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an IDX file"),
        (b"\x89PNG....", "not an IDX file"),
        (bytes([0, 0, 7, 1, 0, 0, 0, 0]), "not an IDX file"),
        (idx(np.arange(6, dtype="u1"))[:-1], r"shape \(6,\) needs 14 bytes, got 13"),
        (idx(np.arange(6, dtype="u1")) + b"x", "needs 14 bytes, got 15"),
        (head(-2, -3) + bytes(6), "needs .* bytes, got 18"),
        (head(0, -1, -1, -1), "is damaged"),
        (head(*[1] * 200) + b"x", "is damaged"),
        (gzip.compress(idx(np.arange(99, dtype="u1")))[:-9], "damaged gzip file"),
        (gzip.compress(idx(np.arange(99, dtype="u1")))[:10] + b"\xff" * 99, "damaged gzip file"),
    ],
    ids=[
        "empty",
        "another_format",
        "unknown_type",
        "too_short",
        "too_long",
        "negative_sizes",
        "product_of_negative_sizes",
        "too_many_dimensions",
        "gzip_cut_off",
        "gzip_overwritten",
    ],
)
def test_a_damaged_idx_file_raises_an_error_that_names_it(tmp_path, content, message):
    (tmp_path / "labels").write_bytes(content)
    with pytest.raises(ValueError, match=rf"labels.*{message}"):
        data.read_idx(tmp_path / "labels")


def test_a_split_keeps_rows_together_and_gives_each_to_one_part():
    rows = (np.arange(40).reshape(10, 4), np.arange(10))
    train, test = data.split(jax.random.key(0), rows, test=0.3)
    assert [part[1].shape for part in (train, test)] == [(7,), (3,)]
    assert sorted(np.concatenate([train[1], test[1]])) == list(range(10))
    for x, y in (train, test):
        np.testing.assert_array_equal(x[:, 0], 4 * y)
    other, _ = data.split(jax.random.key(1), rows, test=0.3)
    assert other[1].tolist() != train[1].tolist()
    assert data.split(jax.random.key(0), rows, test=1e-9)[1][1].shape == (1,)


@pytest.mark.parametrize(
    "rows", [tuple(range(9999)), [np.zeros(i) for i in range(9999)], np.zeros((0, 3))]
)
def test_an_error_about_the_rows_of_a_data_set_is_short(rows):
    with pytest.raises(ValueError, match=r"got shapes \[\(") as error:
        data.split(jax.random.key(0), rows, test=0.5)
    assert len(str(error.value)) < 400


def test_features_are_standardized_by_the_training_part_alone():
    random = np.random.default_rng(0)
    train = random.normal(5.0, [1.0, 100.0, 0.0], (40, 3))
    test = random.normal(7.0, 1.0, (9, 3))
    ours, theirs = data.standardize(train, test)
    scale = np.array([train[:, 0].std(), train[:, 1].std(), 1.0])  # a constant is only shifted
    np.testing.assert_allclose(ours.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(ours.std(axis=0), [1, 1, 0], atol=1e-5)
    np.testing.assert_allclose(theirs, (test - train.mean(axis=0)) / scale, rtol=1e-5)
    assert ours.dtype == theirs.dtype == np.float32


@pytest.mark.parametrize(
    ("rows", "share", "message"),
    [(10, 0.0, "between 0 and 1"), (10, 1.0, "between 0 and 1"), (1, 0.5, "at least two rows")],
)
def test_a_split_that_leaves_a_part_empty_raises(rows, share, message):
    with pytest.raises(ValueError, match=message):
        data.split(jax.random.key(0), np.zeros((rows, 2)), test=share)
