"""What type checkers read of `gradwise.benchmarks`; a running program gets the package itself."""

from benchmarks import *
