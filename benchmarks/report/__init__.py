"""Comparisons as text, tables, pictures, files and pages."""
