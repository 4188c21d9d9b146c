"""The words for what a function's structure allows; rows of a table have such names."""

from .entry import Entry

#: The entries by the word.
WORDS = {
    "chain": Entry(
        "The product of the Jacobians of several layers, in the order of fewest operations.",
        "A dense layer's Jacobian is its weights: no pass is needed for it.",
        "`chain (100 x 90)`: three layers, with 100 and 90 numbers between them.",
    ),
    "colour": Entry(
        "A group of columns of a Jacobian that no row has two entries in, pushed as one tangent.",
        "Few colours do for a sparse Jacobian, whatever its size.",
        "A tridiagonal Jacobian of 1,000,000 columns has 3 colours: 3 passes.",
    ),
    "constant": Entry(
        "A Jacobian that is the same for all inputs, and so is computed once.",
        "Its program does not use x at all, which is seen without running it.",
        "The Jacobian of `A @ x + b` is A.",
    ),
    "cut": Entry(
        "Reverse mode to the few numbers that all outputs depend on, and forward mode from them.",
        "As many passes through each part as there are such numbers.",
        "`cut (4)`: an autoencoder of 512-4-512 takes 4 passes instead of 512.",
    ),
    "elimination": Entry(
        "Partial derivatives as arrays over all examples, multiplied out as the chain rule says.",
        "It is for examples that meet by known indices alone, such as those of a graph's edges.",
        "`elimination (29 partials)`: a bundle adjustment's cameras and points.",
    ),
    "pattern": Entry(
        "Which outputs may depend on which inputs, whatever x is; all else is zero.",
        "It is read off the program. Where values decide, what may be counts as an entry.",
        "`x[1:] * x[:-1]` of 1,000 numbers: 1,998 of 999,000 entries.",
    ),
    "products": Entry(
        "A Jacobian as J v and u J, each as it is asked for, and no matrix.",
        'What `output="operator"` hands out where that is cheaper than its entries.',
        "Ten steps of GMRES take ten passes, however many inputs there are.",
    ),
    "regret": Entry(
        "The time of the way that was chosen over that of the best way there is.",
        "`gradwise run structure` tells it, of gradwise's choice and of rules of thumb.",
        "1.03 in the mean: 3 % are lost by choosing.",
    ),
    "split": Entry(
        "A sparse Jacobian plus one of low rank: a few numbers are held still, and added.",
        "Such numbers are means and norms, which make every output depend on every input.",
        "`split (2+1+2)`: a layer norm takes 2 passes back, 1 colour and 2 passes forward.",
    ),
    "vmap": Entry(
        "The Jacobian of one example's function, taken for all examples at once.",
        "It is for outputs that are of examples, each independent of all others.",
        "`vmap (256 examples)`: a gradient for each of 256 examples in 1 pass, not 256.",
    ),
}
