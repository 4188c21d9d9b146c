import gzip
import struct

import jax
import jax.numpy as jnp
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


@pytest.mark.parametrize("make", [np.asarray, jnp.asarray], ids=["numpy", "jax"])
def test_a_scaler_scales_new_rows_of_any_tree_and_back_in_and_out_of_jit(make):
    random = np.random.default_rng(0)
    table = {"far": random.normal(1e6, 3.0, (40, 2)).astype("f4"), "ids": np.arange(40) % 7}
    table["flag"], table["same"] = np.arange(40) % 3 == 0, np.full((40, 2, 1), 5, np.uint8)
    scaler = data.scaler(table)
    rows = jax.tree.map(lambda leaf: make(leaf[:9]), table)
    for scaled in (scaler(rows), jax.jit(scaler)(rows)):
        for name, leaf in table.items():
            old = leaf.astype(np.float64)
            deviation = old.std(axis=0)
            wanted = (old[:9] - old.mean(axis=0)) / np.where(deviation > 0, deviation, 1)
            assert scaled[name].dtype == np.float32
            np.testing.assert_allclose(scaled[name], wanted, rtol=2e-6, atol=1e-6)
        for back in (scaler.inverse(scaled), jax.jit(scaler.inverse)(scaled)):
            for name, leaf in table.items():
                np.testing.assert_allclose(back[name], leaf[:9], rtol=2e-7, atol=1e-6)
    kind = np.ndarray if make is np.asarray else jax.Array
    assert all(isinstance(leaf, kind) for leaf in jax.tree.leaves(scaler(rows)))
    one_row = jax.tree.map(lambda leaf: leaf[3], rows)  # and any axes in front of a row's
    np.testing.assert_array_equal(scaler(one_row)["far"], scaler(rows)["far"][3])
    assert scaler == data.scaler(table) != data.scaler({"far": table["far"]})


@pytest.mark.parametrize(
    ("first", "step", "dtype"),
    [
        (1_700_000_000, 10, np.int32),
        (123_456_789, 0, np.int32),
        (4_000_000_000, 7, np.uint32),
        (-(2**31), 2**29, np.int32),
        (3, 5, np.int8),
    ],
)
def test_integers_on_the_device_are_scaled_as_those_of_numpy(first, step, dtype):
    x = (first + step * np.arange(8, dtype=np.int64)[:, None]).astype(dtype)
    scaler = data.scaler(x)
    expected = (x - x.mean(dtype=float)) / (x.std(dtype=float) or 1)
    np.testing.assert_allclose(scaler(x), expected, rtol=1e-6)
    np.testing.assert_allclose(jax.jit(scaler)(jnp.asarray(x)), expected, rtol=1e-5, atol=1e-6)
    far = np.array([[0], [np.iinfo(dtype).max]], dtype)  # its distance may not fit an int32
    np.testing.assert_allclose(scaler(jnp.asarray(far)), scaler(far), rtol=1e-5, atol=1e-6)


def test_a_scaler_of_images_shares_its_figures_over_the_axes_it_is_told():
    images = np.random.default_rng(0).integers(0, 256, (6, 4, 3, 2)).astype(np.uint8)
    scaled = data.scaler(images, axis=(0, 1, 2))(images)
    np.testing.assert_allclose(scaled.mean(axis=(0, 1, 2)), 0, atol=1e-6)
    np.testing.assert_allclose(scaled.std(axis=(0, 1, 2)), 1, atol=1e-6)
    assert np.abs(scaled.mean(axis=0)).max() > 0.1
    with pytest.raises(ValueError, match="must include 0, the rows, got 1"):
        data.scaler(images, axis=1)


NAN = np.array([[1.0, 5.0], [3.0, np.nan], [8.0, 7.0], [2.0, np.nan]])


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (NAN, r"train_x is not finite in 2 of 4 rows: feature 1 is nan in rows 1, 3: .*ignore"),
        ({"a": NAN[:, 1]}, r"train_x\['a'\] is not finite in 2 of 4 rows: it is nan in rows 1, 3"),
        (np.where(NAN == 8, -np.inf, NAN)[:, :1], "feature 0 is -inf in row 2"),
        (np.full((9, 2, 3), np.nan), r"feature \(0, 0\) is nan in rows 0, 1, 2, 3, 4 and 4 more"),
        (NAN + 1j, "must be real, got complex128"),
    ],
)
def test_a_feature_that_is_not_finite_is_named_with_its_rows(features, message):
    with pytest.raises((ValueError, TypeError), match=message):
        data.standardize(features)


def test_nan_that_is_to_be_ignored_stays_where_it_is_and_changes_no_figure():
    scaled, other = data.standardize(NAN, NAN[:1], nan="ignore")
    wanted = (NAN - np.nanmean(NAN, axis=0)) / np.nanstd(NAN, axis=0)
    np.testing.assert_allclose(scaled, wanted, rtol=1e-6)
    np.testing.assert_allclose(other, wanted[:1], rtol=1e-6)
    with pytest.raises(ValueError, match="nothing but NaN in feature 1: leave it out"):
        data.standardize(NAN[1::2], nan="ignore")
    with pytest.raises(ValueError, match="feature 0 is inf in row 0"):
        data.standardize(np.where(NAN == 1, np.inf, NAN), nan="ignore")
    with pytest.raises(ValueError, match='nan must be "raise" or "ignore"'):
        data.standardize(NAN, nan="drop")


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.ones((4, 1)), r"made of rows \(2,\), got x of shape \(4, 1\)"),
        (np.ones(4), r"made of rows \(2,\), got x of shape \(4,\)"),
        ({"a": np.ones((4, 2))}, "made of a tree .*, got"),
    ],
)
def test_a_scaler_refuses_features_that_it_was_not_made_of(x, message):
    scaler = data.scaler(NAN[:, :1].repeat(2, axis=1))
    for move in (scaler, scaler.inverse):
        with pytest.raises(ValueError, match=message):
            move(x)


LABELS = np.repeat([3, 1, 7], [11, 30, 4])


@pytest.mark.parametrize("labels", [LABELS, LABELS.astype(str), jnp.asarray(LABELS), LABELS / 2])
def test_a_stratified_split_gives_each_part_the_share_of_every_label(labels):
    rows = np.arange(45)
    train, test = data.split(jax.random.key(0), rows, test=0.3, stratify=labels)
    assert sorted(np.concatenate([train, test])) == rows.tolist()
    assert len(test) == 14  # as without labels: 13.5, rounded to even
    counts = [(LABELS[test] == label).sum() for label in (3, 1, 7)]
    assert np.abs(np.array(counts) - np.array([11, 30, 4]) * 14 / 45).max() < 1
    again, _ = data.split(jax.random.key(1), rows, test=0.3, stratify=labels)
    assert set(again) != set(train)


@pytest.mark.parametrize("stratify", [None, LABELS])
def test_folds_have_one_size_and_share_out_every_label(stratify):
    parts = data.folds(jax.random.key(0), 45, 4, stratify=stratify)
    assert parts.shape == (4, 11)
    assert len(np.unique(parts)) == 44
    if stratify is not None:
        counts = np.stack([(LABELS[parts] == label).sum(axis=1) for label in (3, 1, 7)])
        assert np.ptp(counts, axis=1).max() <= 1
        again = data.folds(jax.random.key(1), 45, 4, stratify=stratify)
        assert set(again[0]) != set(parts[0])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (LABELS[:9], r"labels \(45,\), got shape \(9,\)"),
        (np.where(LABELS == 7, np.nan, LABELS), "cannot stratify by NaN, got one in row 41"),
        (np.arange(45), "labels of two rows or more, got 0 in one row of 45"),
    ],
)
def test_labels_that_cannot_stratify_raise(labels, message):
    for cut in (
        lambda: data.split(jax.random.key(0), np.arange(45), test=0.3, stratify=labels),
        lambda: data.folds(jax.random.key(0), 45, 4, stratify=labels),
    ):
        with pytest.raises(ValueError, match=message):
            cut()


def test_more_folds_than_rows_raise():
    with pytest.raises(ValueError, match="between 2 and the 3 rows, got 4"):
        data.folds(jax.random.key(0), 3, 4)
