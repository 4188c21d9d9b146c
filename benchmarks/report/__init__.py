"""Comparisons as text, tables, files and pages."""

from .files import check_ending, save, write_report
from .page import html_table
from .summary import summary_text
from .text import text_table

__all__ = ["check_ending", "html_table", "save", "summary_text", "text_table", "write_report"]
