"""What type checkers read of `gradwise.losses`; a running program gets the package itself."""

from losses import *
