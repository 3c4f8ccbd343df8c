<?php

/** Prints FLEXPAY_TRACE, as C reads it. */

echo getenv('FLEXPAY_TRACE', true);
