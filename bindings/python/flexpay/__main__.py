"""`python -m flexpay`."""

import sys

from ._command import main

sys.exit(main())
