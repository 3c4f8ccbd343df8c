"""The same check with Python's standard library."""

import json
import os
import ssl
import sys
import urllib.request

from fields import fields_of

request = urllib.request.Request(
    os.environ["BENCH_CHECK_URL"] + "/" + os.environ["BENCH_ORDER"],
    headers={"Authorization": "Bearer " + os.environ["BENCH_TOKEN"]},
)
context = ssl.create_default_context(cafile=os.environ["BENCH_CA_BUNDLE"])
with urllib.request.urlopen(request, timeout=30, context=context) as response:
    transaction = fields_of(json.load(response))
sys.exit(transaction["reference"] != os.environ["BENCH_REFERENCE"])
