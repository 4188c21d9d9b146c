"""One training step: what it reads and writes, and how it is judged."""
