<?php

/** Tries to use FFI in a page that was not preloaded. */

try {
    FFI::cdef('int getpid(void);');
    echo 'allowed';
} catch (FFI\Exception $e) {
    echo $e->getMessage();
}
