"""What type checkers read of `gradwise.nn`; a running program gets the package itself."""

from nn import *
