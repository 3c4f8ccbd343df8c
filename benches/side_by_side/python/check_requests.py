"""The same check with requests."""

import os
import sys

import requests
from fields import fields_of

response = requests.get(
    os.environ["BENCH_CHECK_URL"] + "/" + os.environ["BENCH_ORDER"],
    headers={"Authorization": "Bearer " + os.environ["BENCH_TOKEN"]},
    verify=os.environ["BENCH_CA_BUNDLE"],
    timeout=30,
)
response.raise_for_status()
transaction = fields_of(response.json())
sys.exit(transaction["reference"] != os.environ["BENCH_REFERENCE"])
