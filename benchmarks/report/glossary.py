"""The words of tables, verdicts and pages: each in three lines, the last one an example.

The command `gradwise explain`, the page and the documentation show these texts, and no others.
"""

from .entry import Entry
from .words_of_structure import WORDS

_ENTRIES = {
    "?": Entry(
        "Not to be trusted: calls waited, or 99 % is wider than 4 times.",
        "Try again when the machine is quiet, or give it more seconds of measuring.",
        "903 x ? with an interval of 130 to 1,830.",
    ),
    "adjoint": Entry(
        "The derivative of the output by a node of the graph: the cotangent that arrives there.",
        "A node gets the sum of what all of its uses hand back; at an input it is the gradient.",
        "In L = z^2 at z = 3 the adjoint of z is 6; with z = 2 w + b that of w is 12, of b 6.",
    ),
    "advice": Entry(
        "A pattern in the function that makes its derivative dear, its line, and what to type.",
        "It is told where it applies alone; where gradwise can rewrite, the gain is measured.",
        "`inv(A) @ b` at model.py:7: `jnp.linalg.solve(A, b)`, a third of the operations.",
    ),
    "aux": Entry(
        "What a function returns beside its loss, and what is not differentiated.",
        "Say `has_aux=True`, as for `jax.grad`; the derivative then returns `(gradient, aux)`.",
        "`return loss, {'accuracy': accuracy}` is a loss with aux.",
    ),
    "bound": Entry(
        "The most that the cost can be in theory (Griewank and Walther, 2008).",
        "It counts operations; a cost above it means repeated work, memory traffic or dispatch.",
        "A gradient in reverse mode costs at most 4 times the function, whatever the inputs.",
    ),
    "budget": Entry(
        "Seconds of measuring, for all ways of one function together.",
        "Compiling and checking come on top; more seconds make intervals narrower.",
        "`--budget 30` measures three times as long as by default.",
    ),
    "busy": Entry(
        "The machine had other work: calls waited, so wall times tell little.",
        "CPU times are compared then, or no winner is named; such figures have a `?` behind them.",
        "A call of 1 ms of CPU time that takes 6 ms waited five sixths of its time.",
    ),
    "candidate": Entry(
        "A derivative of your own, measured and checked beside gradwise's ways.",
        "`Candidate(name=..., mode=..., derivative=...)`; a sparse one has a `product` too.",
        "The Jacobian of an elementwise function as its diagonal: n numbers instead of n x n.",
    ),
    "checkpoint": Entry(
        "Keep less for the way back, and compute it again when it is needed.",
        "It must wrap blocks of a function: around the whole of it nothing is saved.",
        "A scan of 256 steps, nested 16 by 16: 16 + 16 states are kept instead of 256.",
    ),
    "chunk": Entry(
        "How many tangents or cotangents are pushed through at a time.",
        "All at once is fast while it fits the caches; one by one takes the least memory.",
        "1,000 inputs in chunks of 64 are 16 passes of 64 tangents each.",
    ),
    "compile": Entry(
        "Seconds from the Python function to the executable, spent once.",
        "It counts where a derivative is called a few times, or for many shapes.",
        "400 unrolled steps compile for minutes, one `lax.scan` of them in a second.",
    ),
    "complex step": Entry(
        "The derivative as the imaginary part of f(x + ih) / h: nothing cancels.",
        "So h can be 1e-20; the function must be analytic: no abs, no max, no comparisons.",
        "Im sin(1 + 1e-20 i) / 1e-20 = cos(1) to the last digit.",
    ),
    "cost": Entry(
        "How many runs of the function itself one derivative takes.",
        "Its time over the function's: it depends little on the machine, unlike seconds.",
        "Reverse mode at 2 x: value and gradient in the time of two runs of the function.",
    ),
    "cotangent": Entry(
        "A weight for each output; reverse mode carries it back to a weight for each input.",
        "One walk back gives u J for one u: a row of the Jacobian, or a weighted sum of its rows.",
        "For a loss the cotangent is 1, and what comes back is its gradient.",
    ),
    "crossover": Entry(
        "The number of inputs up to which forward mode is the faster one.",
        "Batches of directions are timed in both modes, and a line is fitted to each.",
        "At 10 outputs forward mode may win up to 30 inputs: its walks are cheaper.",
    ),
    "diagonal": Entry(
        "The second derivatives by each input alone: n numbers of the n x n of a Hessian.",
        "It takes n products with the Hessian, but never the room of one.",
        "For n = 10,000 it is 40 kB, where the Hessian is 400 MB.",
    ),
    "dispatch floor": Entry(
        "What a call costs that computes nothing.",
        "A way within three times of it measures the call, and not the derivative.",
        "At a floor of 6 us a function of 7 us tells nothing: give it more work, or `vmap` it.",
    ),
    "error": Entry(
        "The largest error of any entry, over the largest entry.",
        "Against float64 where possible; a dash where there is nothing to compare with.",
        "1e-07 is float32's rounding; 1e-03 is what differences leave.",
    ),
    "FLOPs": Entry(
        "Floating-point operations, counted in the program.",
        "Branches make it a range; XLA's own count differs, and the record says why.",
        "A product of [64, 32] by [32, 10]: 2 x 64 x 32 x 10 = 40,960.",
    ),
    "forward": Entry(
        "Forward mode walks through the function once for each input, a tangent beside the value.",
        "It keeps nothing for later. It is the way for few inputs and many outputs: `jax.jacfwd`.",
        "3 inputs and 1,000 outputs: 3 walks, where reverse mode needs 1,000.",
    ),
    "gradient": Entry(
        "The derivative of one number by all inputs.",
        "Reverse mode finds it in one walk back, at a cost that does not grow with the inputs.",
        "A network's loss by 1,000,000 weights: one walk forward, one back.",
    ),
    "Hessian": Entry(
        "All second derivatives of one number: an n x n matrix, the Jacobian of the gradient.",
        "Often a product with it, its diagonal or its trace is all that is needed.",
        "n = 10,000: 400 MB in float32, 10,000 walks.",
    ),
    "hvp": Entry(
        "A product of the Hessian with a vector, without the Hessian.",
        "One tangent of the gradient: at most 10 times the function, whatever n.",
        "`jax.jvp(jax.grad(f), (x,), (v,))[1]`: what Newton's method by conjugate gradients takes.",
    ),
    "interval": Entry(
        "Where the cost lies with 99 % certainty.",
        "It is of the median over the rounds; too few of them give none.",
        "2 x (1.8-2.3): hardly three runs of the function, and certainly not one.",
    ),
    "Jacobian": Entry(
        "The derivatives of all outputs by all inputs: m rows, n columns.",
        "Forward mode finds columns, reverse mode rows.",
        "3 outputs of 4 inputs: 12 numbers, by 4 tangents or by 3 cotangents.",
    ),
    "jvp": Entry(
        "The Jacobian times a vector: the slope of the function along one direction.",
        "One walk of forward mode, at most 2.5 times the function.",
        "`jax.jvp(f, (x,), (v,))` returns `f(x)` and `J v`.",
    ),
    "kink": Entry(
        "A point at which the slopes from the left and from the right differ.",
        "There is no derivative there; each way gives one of those between, and none is wrong.",
        "|x| at 0: `jax.grad` says 0, a step to the right says 1.",
    ),
    "linearize": Entry(
        "The linear part of a jvp by itself, with the values at the point kept.",
        "Worth it where many tangents are pushed at one point.",
        "A hundred steps of a Krylov solver: linearize once, push a hundred times.",
    ),
    "memory": Entry(
        "Bytes of one execution: inputs, outputs, all that is held between.",
        "XLA says them before the program runs, so they do not vary.",
        "Forward mode by 2,048 inputs carries 2,048 tangents: 67 MB, and reverse mode 66 kB.",
    ),
    "numerical": Entry(
        "Differences of values at two points near by, over their distance.",
        "Inexact: a long step errs by curvature, a short one by rounding. It takes 2 n runs.",
        "In float32 three to five digits are right, at the best step.",
    ),
    "reference": Entry(
        "What every way is checked against: the derivative in float64, itself checked by values.",
        "A way that is off is wrong and takes no part in the verdict.",
        "A rule that forgets a factor 2 fails in float64 and in float32 alike.",
    ),
    "residual": Entry(
        "A value that reverse mode keeps on the way forward, for the way back.",
        "They are what reverse mode's memory goes to; checkpoints trade them for time.",
        "y = tanh(x) keeps y, since its slope is 1 - y^2.",
    ),
    "reverse": Entry(
        "Reverse mode walks forward once, then back once for each output, with a cotangent.",
        "It keeps residuals on the way. It is the way for a loss: `jax.grad`, `jax.jacrev`.",
        "1,000,000 weights and one loss: one walk back.",
    ),
    "symbolic": Entry(
        "The derivative as a formula, by SymPy, compiled.",
        "Formulas grow with every operation, and are given up beyond their limit.",
        "A product of 20 factors: 20 terms of 19 factors each. A network: more than fits.",
    ),
    "tangent": Entry(
        "A direction in the inputs; forward mode carries it along to a direction in the outputs.",
        "One walk gives J v for one v: a column of the Jacobian where v is a basis vector.",
        "x = (2, 3) with the tangent (1, 0): how x[0] * x[1] changes with x[0], which is 3.",
    ),
    "tie": Entry(
        "No difference was shown between ways, though there were samples enough to show one.",
        "Take the plainest: that is the one in the line to type.",
        "Costs of 2.01 and 2.02 whose intervals overlap are a tie.",
    ),
    "trace": Entry(
        "The sum of a Hessian's diagonal, such as a Laplacian.",
        "n products with the Hessian, summed up: exact, and without the Hessian.",
        "The Laplacian of a network by 3 coordinates: 3 products.",
    ),
    "value": Entry(
        "The function itself: what every cost is a multiple of.",
        "It is compiled and measured like everything else, in the same turns.",
        "Its cost is 1 x by definition.",
    ),
    "vjp": Entry(
        "A vector times the Jacobian: a weighted sum of its rows.",
        "One walk forward and one back, at most 4 times the function.",
        "`jax.vjp(f, x)[1](u)` returns `u J`.",
    ),
}
#: The entries by the word, in the order of the alphabet.
GLOSSARY = dict(sorted((_ENTRIES | WORDS).items(), key=lambda pair: pair[0].lower()))


def as_markdown() -> str:
    """Return all entries as a page of the documentation.

    Example:
        >>> as_markdown().splitlines()[0]
        '# Words'
    """
    lines = ["# Words", "", "What `gradwise explain` prints; each with an example.", ""]
    for word, entry in GLOSSARY.items():
        lines += [f"**{word}**", f": {entry.short} {entry.more}", f"  *{entry.example}*", ""]
    return "\n".join(lines)
