#!/bin/sh
# The program flexpay ($PROGRAM). Its process ids are appended to the file $PIDS, for a test that kills it.
echo $$ >>"$PIDS"
exec "$PROGRAM" "$@"
