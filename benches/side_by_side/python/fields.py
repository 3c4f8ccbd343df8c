"""Copies the fields of a check's reply, for the baselines."""

KEYS = (
    "orderNumber",
    "reference",
    "amount",
    "amountCustomer",
    "currency",
    "createdAt",
    "status",
    "channel",
)


def fields_of(reply):
    inner = reply["transaction"]
    fields = {key: inner.get(key) for key in KEYS}
    fields["code"] = reply["code"]
    fields["message"] = reply["message"]
    return fields
