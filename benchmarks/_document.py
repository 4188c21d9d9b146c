"""The frame of an HTML page that needs no network: the comparison's, the graph's, the report's."""

_DOCUMENT = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
{style}</head>
<body>
{body}
</body>
</html>
"""


def html_document(title: str, body: str, *, style: str = "") -> str:
    """Return a page, in the light and in the dark as the reader has it.

    Args:
        title: Its title, escaped.
        body: What is in it.
        style: Its style sheet.

    Example:
        >>> html_document("a &lt; b", "<p>less</p>").splitlines()[6:9]
        ['<title>a &lt; b</title>', '</head>', '<body>']
    """
    sheet = f"<style>\n{style.strip()}\n</style>\n" if style else ""
    return _DOCUMENT.format(title=title, style=sheet, body=body.strip())
