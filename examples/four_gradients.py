"""Train one small network by four ways to differentiate, and print what each of them costs."""

import time

import jax
import optax
from sklearn.datasets import load_digits

from gradwise import losses, nn, train

EPOCHS = 5
WAYS = {
    "reverse": train.gradients.reverse,
    "forward": train.gradients.forward,
    "numerical": train.gradients.numerical,
    "forward gradient": train.gradients.forward_gradient(tangents=8),
}


def main() -> None:
    """Print the time and the test loss of each way.

    The first three ways take the same steps up to rounding; the last one takes noisy ones.
    """
    split_key, init_key, fit_key = jax.random.split(jax.random.key(0), 3)
    images, labels = load_digits(return_X_y=True)
    # Each pixel is the mean of four, so that forward mode and differences have fewer parameters.
    pixels = images.reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4)).reshape(-1, 16) / 16
    train_data, test_data = train.data.split(split_key, (pixels, labels), test=0.2)
    model = nn.mlp((16, 8, 10))
    params, state = jax.jit(model.init)(init_key)
    objective = train.supervised(
        model.apply,
        losses.softmax_cross_entropy_with_integer_labels,
        metrics={"accuracy": train.metrics.accuracy},
    )
    optimizer = optax.adam(5e-2)
    train_data, test_data = jax.tree.map(jax.numpy.asarray, (train_data, test_data))
    test = jax.jit(lambda state: train.evaluate(objective, state, test_data, batch_size=360))
    print(f"{sum(leaf.size for leaf in jax.tree.leaves(params))} parameters, {EPOCHS} epochs")
    print("gradient          seconds  test loss  test accuracy")
    for name, gradient in WAYS.items():
        run = train.make_run(objective, optimizer, epochs=EPOCHS, batch_size=256, gradient=gradient)
        train_state = train.init(params, state, optimizer)
        compiled = jax.jit(run).lower(fit_key, train_state, train_data).compile()
        began = time.perf_counter()
        train_state, _ = jax.block_until_ready(compiled(fit_key, train_state, train_data))
        seconds = time.perf_counter() - began
        result = test(train_state)
        print(f"{name:<16}  {seconds:7.3f}  {result['loss']:9.4f}  {result['accuracy']:13.1%}")
    print("A forward gradient of 8 random directions is right on average, and noisy in each step.")


if __name__ == "__main__":
    main()
