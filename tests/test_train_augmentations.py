"""The augmentations of `train.data`: pure, each row by itself, dtypes and shapes kept."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from train import data

ROWS, HEIGHT, WIDTH = 64, 5, 7
#: Row r holds r times 35 plus the place in the image, so that every entry is told apart.
IMAGES = np.arange(ROWS * HEIGHT * WIDTH).reshape(ROWS, HEIGHT, WIDTH, 1) + 1.0
AUGMENTS = {
    "flip": data.flip,
    "flip_of_rows": partial(data.flip, axis=1, rate=0.3),
    "shift": partial(data.shift, most=2),
    "crop": partial(data.crop, size=(4, 3)),
    "chain": data.chain(data.flip, partial(data.shift, most=1)),
}


def views(name, image):
    """Every image that an augmentation may make of one, by slices of NumPy."""
    if name == "flip":
        return [image, image[:, ::-1]]
    if name == "flip_of_rows":
        return [image, image[::-1]]
    if name == "crop":
        return [image[i : i + 4, j : j + 3] for i in range(2) for j in range(5)]
    most = 2 if name == "shift" else 1
    shifted = []
    for turned in [image] if name == "shift" else [image, image[:, ::-1]]:
        wide = np.pad(turned, [(most, most), (most, most), (0, 0)])
        span = range(2 * most + 1)
        shifted += [wide[i : i + HEIGHT, j : j + WIDTH] for i in span for j in span]
    return shifted


@pytest.mark.parametrize("name", AUGMENTS)
def test_each_row_becomes_one_of_its_own_views_and_all_of_them_appear(name):
    result = np.asarray(jax.jit(AUGMENTS[name])(jax.random.key(0), IMAGES))
    chosen = []
    for image, made in zip(IMAGES, result, strict=True):
        equal = [np.array_equal(made, view) for view in views(name, image)]
        assert sum(equal) == 1
        chosen.append(equal.index(True))
    assert len(set(chosen)) > 0.6 * len(views(name, IMAGES[0]))
    other = np.asarray(jax.jit(AUGMENTS[name])(jax.random.key(1), IMAGES))
    assert not np.array_equal(other, result)


@pytest.mark.parametrize("dtype", ["uint8", "int32", "bool", "float16", "bfloat16", "float32"])
@pytest.mark.parametrize("name", AUGMENTS)
def test_an_augmentation_keeps_the_dtype_and_has_the_same_shapes_whatever_the_key(name, dtype):
    x = jax.ShapeDtypeStruct((3, HEIGHT, WIDTH, 2), dtype)
    made = jax.eval_shape(AUGMENTS[name], jax.random.key(0), x)
    assert made.dtype == dtype
    assert made.shape == ((3, 4, 3, 2) if name == "crop" else x.shape)


def test_rates_are_those_that_were_asked_for():
    pair = np.arange(2.0).reshape(1, 1, 2, 1).repeat(4000, axis=0)
    flipped = np.asarray(data.flip(jax.random.key(0), pair))
    share = flipped[:, 0, 0, 0].mean()
    assert abs(share - 0.5) < 4 * np.sqrt(0.25 / 4000)
    assert data.flip(jax.random.key(0), flipped, rate=0.0).tolist() == flipped.tolist()


def test_an_augmentation_under_vmap_is_that_of_each_batch():
    batches, keys = IMAGES.reshape(4, 16, HEIGHT, WIDTH, 1), jax.random.split(jax.random.key(0), 4)
    augment = jax.jit(AUGMENTS["chain"])
    together = jax.jit(jax.vmap(augment))(keys, batches)
    for i in range(4):
        np.testing.assert_array_equal(together[i], augment(keys[i], batches[i]))


@pytest.mark.parametrize("kind", [AxisType.Auto, AxisType.Explicit])
@pytest.mark.parametrize("name", [*AUGMENTS, "mixup"])
def test_rows_spread_over_devices_are_augmented_as_on_one(name, kind):
    devices = jax.devices()[: 4 if jax.device_count() >= 4 else 1]
    mesh = jax.make_mesh((len(devices),), ("data",), axis_types=(kind,), devices=devices)
    x = jax.device_put(IMAGES.astype("f4"), NamedSharding(mesh, PartitionSpec("data")))
    with jax.set_mesh(mesh):
        together = jax.jit(AUGMENTS.get(name, mixed))(jax.random.key(0), x)
    np.testing.assert_allclose(together, alone(name), rtol=1e-6)


def mixed(key, x):
    return data.mixup(key, x, x, where=x[:, 0, 0, 0] > 800)[0]


@cache
def alone(name):
    """The images as one device augments them."""
    return jax.jit(AUGMENTS.get(name, mixed))(jax.random.key(0), IMAGES.astype("f4"))


def test_mixup_mixes_each_row_with_a_partner_by_one_share_for_features_and_targets():
    x = np.eye(ROWS, dtype=np.float32)  # a mixed row shows who is in it
    y = np.arange(ROWS, dtype=np.float32)[:, None] ** 2
    mixup = jax.jit(partial(data.mixup, alpha=1.0))
    mixed_x, mixed_y = map(np.asarray, mixup(jax.random.key(0), x, y))
    np.testing.assert_allclose(mixed_x.sum(axis=1), 1, rtol=1e-6)
    assert (np.count_nonzero(mixed_x, axis=1) <= 2).all()
    np.testing.assert_allclose(mixed_y, mixed_x.astype(float) @ y, rtol=1e-5)
    partners = (mixed_x - np.diag(np.diag(mixed_x)) > 0).sum(axis=0)
    assert partners.max() == 1  # a permutation
    shares = np.diag(mixed_x)
    assert abs(shares.mean() - 0.5) < 4 * np.sqrt(1 / 12 / ROWS)  # Beta(1, 1) is uniform
    assert len(np.unique(shares)) > ROWS / 2


def test_mixup_leaves_what_is_hidden_out_of_what_is_real():
    real = np.arange(ROWS) % 3 > 0
    x = np.where(real[:, None], np.eye(ROWS), np.nan).astype(np.float32)
    mixed_x, mixed_y = map(
        np.asarray, jax.jit(data.mixup)(jax.random.key(0), x, x, where=jnp.asarray(real))
    )
    np.testing.assert_array_equal(mixed_x[~real], x[~real])
    np.testing.assert_allclose(mixed_x[real].sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_array_equal(mixed_x, mixed_y)
    assert (np.count_nonzero(mixed_x[real], axis=1) == 2).any()


def test_mixup_of_bytes_rounds_to_bytes():
    x = np.full((4, 3), 255, np.uint8)
    mixed_x, _ = jax.jit(data.mixup)(jax.random.key(0), x, np.ones((4, 1), np.float32))
    assert mixed_x.dtype == np.uint8
    np.testing.assert_array_equal(mixed_x, x)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda k, x: data.flip(k, x, axis=0), ValueError, r"axes from 1 to 3 .*, got \(0,\)"),
        (lambda k, x: data.flip(k, x[:, 0, 0, 0]), ValueError, "axes from 1 to 0"),
        (lambda k, x: data.flip(k, x, rate=1.5), ValueError, r"rate must be in \[0, 1\], got 1.5"),
        (lambda k, x: data.shift(k, x, most=-1), ValueError, "most must be .*, got -1"),
        (lambda k, x: data.shift(k, x, most=1, axes=(1, 4)), ValueError, r"got \(1, 4\)"),
        (lambda k, x: data.crop(k, x, size=(6, 1)), ValueError, r"within \(5, 7\).* got \(6, 1\)"),
        (lambda k, x: data.crop(k, x, size=(3,)), ValueError, r"one within \(5, 7\)"),
        (lambda k, x: data.mixup(k, x, x, alpha=0), ValueError, "alpha must be above 0 .*got 0"),
        (lambda k, x: data.mixup(k, x, x, alpha=np.inf), ValueError, "above 0 and finite, got inf"),
        (lambda k, x: data.mixup(k, x, np.arange(ROWS)), TypeError, "got int.*one_hot"),
        (lambda k, x: data.flip(k, {"image": x}), TypeError, "flip needs one array.*tree of dict"),
        (lambda k, x: data.mixup(k, x, (x, x)), TypeError, "mixup needs one array.*tree of tuple"),
    ],
)
def test_options_that_cannot_be_raise(call, error, message):
    with pytest.raises(error, match=message):
        call(jax.random.key(0), IMAGES)
