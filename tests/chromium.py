"""Open a page in headless Chromium and ask it what it shows; skipped where there is none."""

import html
import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
needs_browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")
_LISTENER = """<script>
window.errors = [];
window.onerror = message => errors.push(String(message));
window.onunhandledrejection = event => errors.push(String(event.reason));
console.error = (...said) => errors.push(said.join(" "));
</script>"""
_PROBE = """<script>window.addEventListener("load", () => {
  const said = [], all = found => [...document.querySelectorAll(found)];
  const send = (found, event) => document.querySelector(found).dispatchEvent(event);
  const click = found => send(found, new MouseEvent("click", {bubbles: true}));
  const press = (found, key) => send(found, new KeyboardEvent("keydown", {key, bubbles: true}));
  const value = (found, text) => {
    document.querySelector(found).value = text;
    for (const kind of ["input", "change"]) send(found, new Event(kind, {bubbles: true}));
  };
  const text = id => document.getElementById(id).textContent;
  const shown = kind => all("#view [id]").filter(box => box.querySelector("." + kind)).length;
  try { QUESTIONS } catch (error) { errors.push(String(error)); }
  const answer = document.createElement("pre");
  answer.id = "answers";
  answer.textContent = JSON.stringify({said, errors});
  document.body.replaceChildren(answer);
});</script>"""


def answers(page, questions, *, address="", width=1400, flags=()):
    """What each expression in JavaScript is, as a text, one after the other in one page.

    There are `all(selector)`, `click(selector)`, `press(selector, key)`, `value(selector, text)`,
    `text(id)` and `shown(kind)`, the number of boxes that show a value, a tangent or an adjoint. An
    error in the page fails.
    """
    asks = "".join(f"said.push(String({question}));" for question in questions)
    document = page.replace("<head>", f"<head>{_LISTENER}", 1)
    document = document.replace("</body>", _PROBE.replace("QUESTIONS", asks) + "</body>")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "page.html")
        path.write_text(document, encoding="utf-8")
        options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}/user"]
        options += [f"--window-size={width},900", "--virtual-time-budget=5000", "--dump-dom"]
        done = subprocess.run(
            [BROWSER, *options, *flags, f"file://{path}{address}"],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
    found = re.search(r'<pre id="answers">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found, done.stdout[-2000:]
    heard = json.loads(html.unescape(found[1]))
    assert heard["errors"] == [], heard["errors"]
    return heard["said"]
