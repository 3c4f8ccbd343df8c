"""`python -m flexpay`: the program `flexpay`, with the same arguments."""

import sys

from ._program import run

run(sys.argv[1:])
