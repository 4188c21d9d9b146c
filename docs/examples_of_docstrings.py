"""What the reference is built with: a section `Example:` of a docstring is shown as code."""

import re
from typing import Any

import griffe


class Examples(griffe.Extension):
    """Give the section the only name that the parser of Google's style knows."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rename the section in the docstring of each module, class, function and attribute."""
        if obj.docstring is not None:
            obj.docstring.value = re.sub(r"(?m)^Example:$", "Examples:", obj.docstring.value)
