"""Say of each character of Python's own source what it is part of: a text with masks over time.

The lines are those of modules of the standard library, and Python's `tokenize` has the answers. A
line is seen alone, so that one from the middle of a docstring can only be told by its words.
"""

import dataclasses
import inspect
import io
import keyword
import textwrap
import tokenize
from functools import partial
from types import ModuleType

import jax
import jax.numpy as jnp
import numpy as np
import optax

from gradwise import losses, nn, train

KINDS = ("name", "keyword", "number", "text", "comment", "operator")
OF_TOKEN = {"NAME": 0, "NUMBER": 2, "STRING": 3, "COMMENT": 4} | dict.fromkeys(
    ("FSTRING_START", "FSTRING_MIDDLE", "FSTRING_END"), 3
)
WIDTH = 80  # characters of a line; the id 0 is padding


def read(*modules: ModuleType) -> tuple[np.ndarray, np.ndarray]:
    """Return the lines as ids `[lines, WIDTH]`, and the kind of each character, -1 for spaces."""
    ids, kinds = [], []
    for module in modules:
        source = inspect.getsource(module)
        lines = source.splitlines()
        table = np.full((len(lines) + 2, 400), -1, np.int32)
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            kind = OF_TOKEN.get(tokenize.tok_name[token.type], 5)
            kind = 1 if kind == 0 and keyword.iskeyword(token.string) else kind
            (top, left), (bottom, right) = token.start, token.end
            for row in range(top, bottom + 1):
                table[row, left if row == top else 0 : right if row == bottom else None] = kind
        for row, line in enumerate(lines, 1):
            codes = np.frombuffer(line[:WIDTH].encode("ascii", "replace"), np.uint8)
            if codes.size:
                ids.append(np.pad(codes, (0, WIDTH - codes.size)))
                kinds.append(np.where(ids[-1] > 32, table[row, :WIDTH], -1))
    return np.array(ids, np.int32), np.array(kinds, np.int32)


def main() -> None:
    """Train on two modules, then print the F1 of each kind in one that was never seen."""
    init_key, fit_key = jax.random.split(jax.random.key(0))
    train_data, test_data = read(textwrap, dataclasses), read(tokenize)
    both = nn.concatenate(nn.gru(16, 32), nn.gru(16, 32, reverse=True))
    reader = nn.serial(nn.embedding(128, 16), both, nn.dropout(0.2), nn.dense(64, len(KINDS)))
    model = nn.with_mask(reader, lambda ids: ids != 0)
    known = train_data[1][train_data[1] >= 0]
    class_weights = jnp.sqrt(losses.class_weights(known, len(KINDS)))
    objective = train.supervised(
        model.apply,
        losses.softmax_cross_entropy_with_integer_labels,
        weights=lambda batch: jnp.where(batch.y < 0, 0, class_weights[batch.y]),
        metrics={"f1": partial(train.metrics.f1, average=None), "accuracy": train.metrics.accuracy},
    )
    optimizer = optax.adam(2e-2)
    params, state = jax.jit(model.init)(init_key)
    given = fit_key, train.init(params, state, optimizer), objective, optimizer, train_data
    _, history = train.fit(*given, validation=test_data, epochs=4, batch_size=64)
    print(f"{len(train_data[0])} lines for training, {len(test_data[0])} for the test")
    for kind, score in zip(KINDS, history["validation_f1"][-1], strict=True):
        print(f"{kind:<8}  F1 {score:.3f}")
    print(f"mean F1: {np.mean(history['validation_f1'][-1]):.1%}")
    print(f"test accuracy: {history['validation_accuracy'][-1]:.1%}")


if __name__ == "__main__":
    main()
