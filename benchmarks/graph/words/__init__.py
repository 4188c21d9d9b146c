"""What operations are called, their rules in symbols, and a sentence for each step."""
