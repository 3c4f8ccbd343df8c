"""One check with flexpay, as in a script of a shop. The settings are in the environment."""

import os
import sys

import flexpay

with flexpay.Client(
    merchant="ZANDO",
    token=os.environ["BENCH_TOKEN"],
    check_url=os.environ["BENCH_CHECK_URL"],
    ca_file=os.environ["BENCH_CA_FILE"],
) as client:
    transaction = client.check(os.environ["BENCH_ORDER"])
sys.exit(transaction.reference != os.environ["BENCH_REFERENCE"])
