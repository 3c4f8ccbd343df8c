"""Makes a payment with the sandbox whose settings are in the environment, and approves it."""

import json
import os
import urllib.request

import flexpay

URLS = dict.fromkeys(
    ("callback_url", "approve_url", "cancel_url", "decline_url"), "https://shop.example/"
)

with flexpay.Client.from_env() as client:
    payment = client.pay(reference="R-1", amount="25.50", currency="USD", **URLS)
    assert payment.order_number is not None
    assert client.check(payment.order_number).state is flexpay.State.PENDING
    request = urllib.request.Request(
        f"{os.environ['SANDBOX_URL']}/sandbox/api/payments/{payment.order_number}/decide",
        data=json.dumps({"decision": "approve", "callback": False}).encode(),
        headers={"Content-Type": "application/json"},
    )
    urllib.request.urlopen(request).close()
    assert client.check(payment.order_number).state is flexpay.State.PAID
assert flexpay.library_version() == flexpay.__version__
print("paid, with", flexpay.library_path())
