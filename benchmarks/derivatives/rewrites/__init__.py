"""Rewrites of a function that cure a pattern in its program, as ways to differentiate it."""

from .table import REWRITES, Rewrite, rewrites

__all__ = ["REWRITES", "Rewrite", "rewrites"]
