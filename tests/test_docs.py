"""The code of the pages in docs/ runs, as it stands there."""

import doctest
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"
PAGES = {page.relative_to(DOCS).as_posix(): page for page in DOCS.rglob("*.md")}
WITH_CODE = sorted(name for name, page in PAGES.items() if "```python\n" in page.read_text())
#: What a page needs beside the project's own dependencies.
NEEDS = {f"how-to/{name}.md": name for name in ("flax", "haiku", "equinox")}
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.mark.parametrize("name", WITH_CODE)
def test_the_code_of_a_page_prints_what_the_page_says(name, tmp_path, monkeypatch):
    pytest.importorskip(NEEDS.get(name, "jax"))
    monkeypatch.chdir(tmp_path)  # what a page saves is not left in the clone
    failed, tried = doctest.testfile(
        str(PAGES[name]), module_relative=False, optionflags=FLAGS, encoding="utf-8"
    )
    assert tried >= 3
    assert not failed


@pytest.mark.parametrize("name", WITH_CODE)
def test_a_block_of_code_is_a_doctest(name):
    for block in PAGES[name].read_text().split("```python\n")[1:]:
        assert block.startswith(">>> ")


def test_the_pages_on_how_to_do_things_have_code():
    assert {name for name in PAGES if name.startswith("how-to/")} <= set(WITH_CODE)
