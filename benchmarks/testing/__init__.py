"""Derivatives in a user's own tests: what is asserted of them, and pytest's plugin."""
