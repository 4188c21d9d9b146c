// The copy button of a session takes what is typed alone, without prompts and answers. A blank line
// ends an indented block, which Python's own prompt waits for.
for (const code of document.querySelectorAll("pre > code")) {
  const lines = code.textContent.split("\n");
  const shell = lines[0].startsWith("$ ");
  if (!shell && !lines[0].startsWith(">>> ")) continue;
  const typed = [];
  for (const [i, line] of lines.entries()) {
    if (shell && line.startsWith("$ ")) typed.push(line.slice(2));
    if (shell || !/^(>>>|\.\.\.)( |$)/.test(line)) continue;
    if (line.startsWith(">>>") && i && lines[i - 1].startsWith("...     ")) typed.push("");
    typed.push(line.slice(4));
  }
  code.parentElement.dataset.copy = typed.join("\n") + "\n";
}
