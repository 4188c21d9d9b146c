"""What type checkers read of `gradwise.train`; a running program gets the package itself."""

from train import *
