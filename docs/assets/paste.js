// The copy button of a session takes what is typed alone, without prompts and answers.
for (const code of document.querySelectorAll("pre > code")) {
  const lines = code.textContent.split("\n");
  if (!lines.some((line) => line.startsWith(">>> "))) continue;
  const typed = lines.filter((line) => /^(>>>|\.\.\.)( |$)/.test(line));
  code.parentElement.dataset.copy = typed.map((line) => line.slice(4)).join("\n") + "\n";
}
