"""Whole trainings, compiled or driven by the host."""
