"""What to type where an exponential overflows or digits cancel: each runs as it stands.

The operand is `x`, a second one is `y`, and the result is `z`.
"""

from .cure_codes import Cure


def with_other_sign(cure: Cure) -> Cure:
    """Return the cure of the same with the other sign, such as of `cos(x) - 1`."""
    return Cure(f"{cure.text}, with the other sign", cure.code.replace("z = ", "z = -(") + ")")


# Exponentials and what becomes of them.
LOGSUMEXP = Cure("jax.nn.logsumexp, which takes the largest out first", "z = jax.nn.logsumexp(x)")
LOGMEANEXP = Cure(
    "jax.nn.logsumexp, less the logarithm of how many there are",
    "z = jax.nn.logsumexp(x) - jnp.log(x.size)",
)
LOG_OF_SUM = Cure(
    "jax.nn.logsumexp of all terms: its b are their weights, and 1 is the exponential of 0"
)
SOFTMAX = Cure("jax.nn.softmax, which takes the largest out first", "z = jax.nn.softmax(x)")
SIGMOID = Cure("jax.nn.sigmoid, which overflows nowhere", "z = jax.nn.sigmoid(x)")
SIGMOID_OF_LESS = Cure(
    "the sigmoid of -x for 1 / (1 + exp(x)), which overflows nowhere", "z = jax.nn.sigmoid(-x)"
)
SOFTPLUS = Cure("jax.nn.softplus, which overflows nowhere", "z = jax.nn.softplus(x)")
SOFTPLUS_OF_LESS = Cure(
    "the softplus of -x for log(1 + exp(-x)), which overflows nowhere", "z = jax.nn.softplus(-x)"
)
LOG_SIGMOID = Cure("jax.nn.log_sigmoid, which underflows nowhere", "z = jax.nn.log_sigmoid(x)")
LOG_SIGMOID_OF_LESS = Cure(
    "jax.nn.log_sigmoid of -x for log(1 / (1 + exp(x)))", "z = jax.nn.log_sigmoid(-x)"
)
LOG_SOFTMAX = Cure("jax.nn.log_softmax, which underflows nowhere", "z = jax.nn.log_softmax(x)")
LOGADDEXP = Cure("jnp.logaddexp, which takes the larger out first", "z = jnp.logaddexp(x, y)")
PROBABILITY_OF_TWO = Cure(
    "the sigmoid of the difference, which overflows nowhere", "z = jax.nn.sigmoid(x - y)"
)
TANH = Cure("jnp.tanh, which overflows nowhere", "z = jnp.tanh(x)")
LOG_COSH = Cure(
    "jnp.logaddexp, which takes the larger out first", "z = jnp.logaddexp(x, -x) - jnp.log(2.0)"
)
LOG_SINH = Cure(
    "x itself, less what sinh is short of exp: for x > 0",
    "z = x + jnp.log1p(-jnp.exp(-2 * x)) - jnp.log(2.0)",
)
LOG_ONE_LESS_SIGMOID = Cure(
    "jax.nn.log_sigmoid of -x for the logarithm of 1 - sigmoid(x)", "z = jax.nn.log_sigmoid(-x)"
)
LOG_ONE_LESS_TANH_SQUARED = Cure(
    "the logarithm of 1 - tanh(x)^2 by jax.nn.softplus, which has its digits",
    "z = 2 * (jnp.log(2.0) - x - jax.nn.softplus(-2 * x))",
)
LOG_ONE_LESS_EXP = Cure("log(-expm1(x)) for log(1 - exp(x))", "z = jnp.log(-jnp.expm1(x))")
LOG_NORMAL = Cure(
    "jax.scipy.special.log_ndtr for the logarithm of a normal probability",
    "z = jax.scipy.special.log_ndtr(x)",
)
LOG_BESSEL = Cure(
    "the Bessel function less its exponential, and x apart",
    "z = jnp.log(jax.scipy.special.i0e(x)) + jnp.sign(x) * x",
)
GAMMALN = Cure(
    "jax.scipy.special.gammaln, the logarithm, and exp of sums and differences of such",
    "z = jax.scipy.special.gammaln(x)",
)
PRODUCT = Cure("jnp.prod for the exponential of a sum of logarithms", "z = jnp.prod(x)")
LOG_EXP = Cure("x itself in place of log(exp(x))", "z = x")
MAX_SHIFT = Cure(
    "the exponential of what is left once the largest is taken out, and its scale apart",
    "largest = jax.lax.stop_gradient(jnp.max(x))\nz = jnp.exp(x - largest)",
)

# Cancellation.
EXPM1 = Cure("jnp.expm1(x) for exp(x) - 1", "z = jnp.expm1(x)")
LOG1P = Cure("jnp.log1p(x) for log(1 + x)", "z = jnp.log1p(x)")
LOG1P_OF_LESS = Cure("jnp.log1p(-x) for log(1 - x)", "z = jnp.log1p(-x)")
HALF_ANGLE = Cure("2 sin^2(x/2) for 1 - cos(x)", "z = 2 * jnp.sin(x / 2) ** 2")
HALF_ANGLE_OF_SUM = Cure("2 cos^2(x/2) for 1 + cos(x)", "z = 2 * jnp.cos(x / 2) ** 2")
ROOT_MINUS_ONE = Cure("x / (sqrt(1 + x) + 1) for sqrt(1 + x) - 1", "z = x / (jnp.sqrt(1 + x) + 1)")
OTHER_SIGMOID = Cure("sigmoid(-x) for 1 - sigmoid(x)", "z = jax.nn.sigmoid(-x)")
ONE_LESS_TANH = Cure("2 sigmoid(-2x) for 1 - tanh(x)", "z = 2 * jax.nn.sigmoid(-2 * x)")
ONE_PLUS_TANH = Cure("2 sigmoid(2x) for 1 + tanh(x)", "z = 2 * jax.nn.sigmoid(2 * x)")
ONE_LESS_TANH_SQUARED = Cure(
    "4 sigmoid(2x) sigmoid(-2x) for 1 - tanh(x)^2",
    "z = 4 * jax.nn.sigmoid(2 * x) * jax.nn.sigmoid(-2 * x)",
)
OTHER_NORMAL = Cure("ndtr(-x) for 1 - ndtr(x)", "z = jax.scipy.special.ndtr(-x)")
ERFC = Cure("erfc(x) for 1 - erf(x)", "z = jax.scipy.special.erfc(x)")
ERFC_OF_LESS = Cure("erfc(-x) for 1 + erf(x)", "z = jax.scipy.special.erfc(-x)")
VARIANCE = Cure("jnp.var(x) for mean(x^2) - mean(x)^2", "z = jnp.var(x)")
SQUARES = Cure("(x - y) (x + y) for x^2 - y^2", "z = (x - y) * (x + y)")
SINC = Cure("jnp.sinc, which is 1 at 0, for sin(x) / x", "z = jnp.sinc(x / jnp.pi)")
SINC_SQUARED = Cure(
    "sinc^2, which is 1 at 0, for (1 - cos(x)) / x^2",
    "z = 0.5 * jnp.sinc(x / (2 * jnp.pi)) ** 2",
)
SINC_OF_LENGTH = Cure(
    "two jnp.where around the root, with the first terms of the series at 0",
    "squared = jnp.sum(x**2)\nnonzero = squared > 0\n"
    "length = jnp.sqrt(jnp.where(nonzero, squared, 1.0))\n"
    "z = jnp.where(nonzero, jnp.sin(length) / length, 1 - squared / 6)",
)
SINC_SQUARED_OF_LENGTH = Cure(
    "two jnp.where around the root, with the first terms of the series at 0",
    "squared = jnp.sum(x**2)\nnonzero = squared > 0\n"
    "length = jnp.sqrt(jnp.where(nonzero, squared, 1.0))\n"
    "half = jnp.sin(length / 2) / length\n"
    "z = jnp.where(nonzero, 2 * half**2, 0.5 - squared / 24)",
)
EXPM1_OVER_X = Cure(
    "two jnp.where, with the first terms of the series at 0",
    "nonzero = x != 0\nsafe = jnp.where(nonzero, x, 1.0)\n"
    "z = jnp.where(nonzero, jnp.expm1(safe) / safe, 1 + x / 2)",
)
LOG1P_OVER_X = Cure(
    "two jnp.where, with the first terms of the series at 0",
    "nonzero = x != 0\nsafe = jnp.where(nonzero, x, 1.0)\n"
    "z = jnp.where(nonzero, jnp.log1p(safe) / safe, 1 - x / 2)",
)
