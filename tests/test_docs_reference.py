"""The reference names all that is public; the page on the command line is what `--help` says."""

import importlib
import inspect
import re
import runpy
from pathlib import Path

import pytest
import typer

from benchmarks.cli.main import app

DOCS = Path(__file__).parent.parent / "docs"
PACKAGES = ("gradwise", "nn", "losses", "train")
MODULES = ("data", "gradients", "log", "metrics")  # of train, on its page
#: What is no entry of its own: the packages, which are pages, and the version.
NO_ENTRIES = {*PACKAGES, "benchmarks", "__version__"}


def public_names(module):
    """What a module offers: what it lists, or the functions and classes that it defines itself."""
    if hasattr(module, "__all__"):
        return set(module.__all__) - NO_ENTRIES
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isfunction(value) or inspect.isclass(value))
        and value.__module__ == module.__name__
    }


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_is_an_entry_of_the_reference_and_no_other_is(package):
    module = importlib.import_module(package)
    expected = {f"{package}.{name}" for name in public_names(module) if name not in MODULES}
    if package == "train":
        for name in MODULES:
            within = importlib.import_module(f"train.{name}")
            expected |= {f"train.{name}.{entry}" for entry in public_names(within)}
    entries = re.findall(r"^::: (\S+)$", (DOCS / f"reference/{package}.md").read_text(), re.M)
    assert len(entries) == len(set(entries))
    assert set(entries) == expected


def test_the_page_of_the_command_line_is_what_help_prints():
    page = runpy.run_path(str(DOCS / "command_line.py"))["page"]()
    assert (DOCS / "reference/command_line.md").read_text() == page
    assert "## gradwise compare\n" in page


def test_every_page_is_in_the_navigation_and_every_link_between_pages_leads_to_one():
    config = (DOCS.parent / "mkdocs.yml").read_text()
    pages = {page.relative_to(DOCS).as_posix(): page for page in DOCS.rglob("*.md")}
    listed = re.findall(r"[\w/-]+\.md", config)
    assert sorted(listed) == sorted(pages)
    for name, page in pages.items():
        prose = re.sub(r"```.*?```|`[^`]*`", "", page.read_text(), flags=re.DOTALL)
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", prose):
            assert (page.parent / link).exists(), f"{name} links to {link}"


def commands_in(page):
    """Each command of gradwise that a page has in a block or in a line of code, as words."""
    blocks = re.findall(r"```(?:text|yaml|console|sh|bash)\n(.*?)```", page, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    prose = re.sub(r"```.*?```", "", page, flags=re.DOTALL)
    lines += [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", prose)]
    for line in lines:
        found = re.search(r"(?:^|\s)gradwise ([a-z][\w-]*\b.*)", line)
        if found:
            yield re.split(r"[|&>]|\s#", found[1])[0].split()


def test_the_commands_of_all_pages_are_there_with_their_options():
    group = typer.main.get_group(app)
    options = {
        name: {flag for one in command.params for flag in one.opts}
        for name, command in group.commands.items()
    }
    seen = set()
    for page in [DOCS.parent / "README.md", *DOCS.rglob("*.md")]:
        if page.name == "command_line.md":
            continue
        for name, *words in commands_in(page.read_text()):
            assert name in options, f"{page.name}: gradwise {name}"
            given = {word.partition("=")[0] for word in words if word.startswith("--")}
            assert given <= options[name] | {"--help"}, f"{page.name}: gradwise {name}"
            seen.add(name)
    assert {"compare", "diff", "doctor", "jacobian", "nonfinite"} <= seen
