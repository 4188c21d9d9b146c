"""Charts: what they hold, and how they are drawn, as SVG and as PNG."""
