"""The code of the pages in docs/how-to runs, as it stands there."""

import doctest
from pathlib import Path

import pytest

PAGES = Path(__file__).parent.parent / "docs" / "how-to"
#: What a page needs beside the project's own dependencies.
NEEDS = {"flax": "flax", "haiku": "haiku", "equinox": "equinox", "optax_losses": "optax"}
NEEDS |= {"read_a_graph": "jax"}


@pytest.mark.parametrize("page", sorted(NEEDS))
def test_the_code_of_a_page_prints_what_the_page_says(page):
    pytest.importorskip(NEEDS[page])
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    failed, tried = doctest.testfile(
        str(PAGES / f"{page}.md"), module_relative=False, optionflags=flags, encoding="utf-8"
    )
    assert tried > 3
    assert not failed


def test_every_page_is_among_those_that_are_run():
    assert {path.stem for path in PAGES.glob("*.md")} == NEEDS.keys()


def test_a_block_of_code_is_a_doctest():
    for path in PAGES.glob("*.md"):
        blocks = path.read_text().split("```python\n")[1:]
        assert blocks
        assert all(block.startswith(">>> ") for block in blocks)
