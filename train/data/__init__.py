"""Data sets: what they are, read them, split, scale and augment them, and shuffle them.

A data set is a pytree of arrays `[rows, ...]` with the same rows; what trains is a pair `(x, y)` of
such trees, a tuple. NumPy's arrays and JAX's are equally welcome, as is all that NumPy can read,
such as a pandas table, a PyTorch tensor or a list of numbers; and so are all dtypes of numbers:

* integers and booleans stay what they are until the model casts them: ids for `nn.embedding`, and
  images of uint8, which take a quarter of the memory of float32 on the device. Float64 becomes
  float32 and int64 becomes int32, as JAX has it, unless `jax_enable_x64` is set; an integer that
  does not fit is an error.
* a number among the arrays, such as `{"image": images, "temperature": 0.5}`, is repeated for each
  row.
* a list of pairs, `[(x, y), ...]`, is a data set in batches. `fit` reads it batch by batch, in its
  order; where a data set is needed as a whole, the batches are joined.

Example:
    >>> import jax, numpy as np
    >>> from gradwise import train
    >>> x, y = np.arange(20.0).reshape(10, 2), np.arange(10)
    >>> (train_x, train_y), (test_x, test_y) = train.data.split(
    ...     jax.random.key(0), (x, y), test=0.3
    ... )
    >>> train_x, test_x = train.data.standardize(train_x, test_x)
    >>> train_x.shape, test_x.shape
    ((7, 2), (3, 2))
"""

from .augmentation import chain, crop, flip, mixup, shift
from .dealing import shuffle
from .idx import read_idx
from .row_shapes import length
from .rows import folds, split, take
from .scaling import Scaler, scaler, standardize

__all__ = [
    "Scaler",
    "chain",
    "crop",
    "flip",
    "folds",
    "length",
    "mixup",
    "read_idx",
    "scaler",
    "shift",
    "shuffle",
    "split",
    "standardize",
    "take",
]
