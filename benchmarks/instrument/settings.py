"""What a thread has told JAX, such as 64-bit mode, carried into another thread."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

import jax


def settings_here() -> Callable[[], AbstractContextManager[None]]:
    """Return what sets JAX, in any thread, as it is set in this one now.

    A `with jax.enable_x64(True)` holds for its own thread alone: another one would trace another
    program. The same is true of each setting that JAX has a context manager for, and of a mesh.

    Example:
        >>> import threading
        >>> with jax.enable_x64(True):
        ...     settings = settings_here()
        >>> def work():
        ...     with settings():
        ...         print(jax.numpy.ones(()).dtype)
        >>> thread = threading.Thread(target=work)
        >>> thread.start(); thread.join()
        float64
    """
    values, mesh = dict(jax.config.values), jax.sharding.get_mesh()

    @contextmanager
    def settings() -> Iterator[None]:
        with ExitStack() as stack:
            now = jax.config.values
            for name, value in values.items():
                manager = getattr(jax, name.removeprefix("jax_"), None)
                if manager is not None and now[name] != value:
                    stack.enter_context(manager(value))
            if not mesh.empty:
                stack.enter_context(jax.set_mesh(mesh))
            yield

    return settings
