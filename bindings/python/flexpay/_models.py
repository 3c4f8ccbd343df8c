"""What comes back: plain, read-only values."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import Field
    from datetime import datetime
    from decimal import Decimal
    from typing import Any, Callable, ClassVar, Dict, NoReturn, Optional, Tuple, Type, TypeVar

    from typing_extensions import dataclass_transform

    from ._enums import State

    T = TypeVar("T")
else:

    def dataclass_transform(**_):
        return lambda kind: kind


class _Later:
    def __init__(self, make: "Callable[[Any], Any]", of: "Any") -> None:
        self.make = make
        self.of = of


def later(make: "Callable[[Any], T]", of: "Any") -> "T":
    """A field that is made of this when it is first asked for, since its type must be imported."""
    return _Later(make, of)  # type: ignore[return-value]


class _OfDataclass:
    """An attribute that a dataclass has, for `dataclasses.asdict`, `fields` and `replace`."""

    def __set_name__(self, _: type, name: str) -> None:
        self.name = name

    def __get__(self, _: object, kind: "Type[Value]") -> "Any":
        from dataclasses import field, make_dataclass

        fields = [
            (name, of_type, field(repr=name not in kind._unshown))
            for name, of_type in kind._fields.items()
        ]
        found = getattr(make_dataclass(kind.__name__, fields, frozen=True), self.name)
        setattr(kind, self.name, found)
        return found


@dataclass_transform(frozen_default=True)
class Value:
    """What `dataclass(frozen=True)` would make of a subclass: it is one to all who look.

    But to import `dataclasses`, and with it inspect, ast and tokenize, takes longer than a check.
    """

    _fields: "ClassVar[Dict[str, Any]]"
    #: The fields that `repr` leaves out.
    _unshown: "ClassVar[Tuple[str, ...]]" = ()

    if TYPE_CHECKING:
        __dataclass_fields__: "ClassVar[Dict[str, Field[Any]]]"
    else:
        __dataclass_fields__ = _OfDataclass()
        __dataclass_params__ = _OfDataclass()

        def __init_subclass__(cls):
            if Value in cls.__bases__:
                cls._fields = dict(cls.__annotations__)
                cls.__match_args__ = tuple(cls._fields)

        def __init__(self, *values, **named):
            given = {**dict(zip(self._fields, values)), **named}
            if len(values) + len(named) != len(given) or given.keys() != self._fields.keys():
                names = ", ".join(self._fields)
                raise TypeError(f"{type(self).__name__} is made of each of these once: {names}")
            own = vars(self)
            own["_later"] = {n: value for n, value in given.items() if isinstance(value, _Later)}
            own.update((n, value) for n, value in given.items() if n not in own["_later"])

        def __getattr__(self, name):
            # Only for what is not there, or not yet.
            try:
                later = vars(self)["_later"][name]
            except KeyError:
                message = f"{type(self).__name__!r} object has no attribute {name!r}"
                raise AttributeError(message) from None
            return vars(self).setdefault(name, later.make(later.of))

    def _values(self) -> "Tuple[Any, ...]":
        return tuple(getattr(self, name) for name in self._fields)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Value) or type(other) is not type(self):
            return NotImplemented
        return self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        shown = (name for name in self._fields if name not in self._unshown)
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in shown)
        return f"{type(self).__qualname__}({fields})"

    def __reduce__(self) -> "Tuple[Type[Value], Tuple[Any, ...]]":
        return type(self), self._values()

    def __setattr__(self, name: str, _: object) -> "NoReturn":
        self._refuse("assign to", name)

    def __delattr__(self, name: str) -> "NoReturn":
        self._refuse("delete", name)

    @staticmethod
    def _refuse(what: str, name: str) -> "NoReturn":
        from dataclasses import FrozenInstanceError

        raise FrozenInstanceError(f"cannot {what} field {name!r}")


class Payment(Value):
    """A payment that the gateway took in; the customer has yet to pay."""

    _unshown = ("page",)

    #: Where to send the customer; None when there is a page instead.
    redirect_url: "Optional[str]"
    #: The gateway's number, which `check` and `wait` need. Api.V1 gives none.
    order_number: "Optional[str]"
    #: The gateway's code, as it came.
    code: "Optional[str]"
    #: The gateway's words.
    message: "Optional[str]"
    #: Where the gateway's page cannot be told as an address: the HTML for the customer's browser.
    page: "Optional[str]"


class Transaction(Value):
    """A transaction as the gateway tells it. What is absent or unreadable is None."""

    _unshown = ("raw",)

    #: Only State.PAID means that the customer has paid.
    state: "State"
    #: The status as the gateway wrote it.
    status: "Optional[str]"
    #: The gateway's number, as given, or else the one asked for.
    order_number: str
    #: Your reference. One live integration got the order number here instead.
    reference: "Optional[str]"
    #: The amount asked for. This is the one to compare.
    amount: "Optional[Decimal]"
    #: What the customer pays, fees included.
    amount_customer: "Optional[Decimal]"
    #: The amount in hundredths: 5000.
    amount_minor: "Optional[int]"
    #: The customer's amount in hundredths.
    amount_customer_minor: "Optional[int]"
    #: "CDF" or "USD", as the gateway wrote it.
    currency: "Optional[str]"
    #: Without a zone: the gateway states none.
    created_at: "Optional[datetime]"
    #: How it was paid (undocumented): "visa", "mastercard", "mpesa", ...
    channel: "Optional[str]"
    #: The reply's code: that the question was understood, never that anything was paid.
    code: "Optional[str]"
    #: The gateway's words.
    message: "Optional[str]"
    #: The reply as received.
    raw: "Optional[str]"


class Callback(Value):
    """What a callback says. ANYONE who knows the address can post one.

    Believe nothing of it before `Client.verify_callback`. Text is as received, None where it is
    absent, empty or null.
    """

    _unshown = ("raw", "key")

    #: Whether it claims success. A claim.
    claims_success: bool
    #: "0": processed with success; anything else: not.
    code: str
    #: Your reference.
    reference: "Optional[str]"
    #: The operator's reference, on success.
    provider_reference: "Optional[str]"
    #: The gateway's number.
    order_number: "Optional[str]"
    #: This and the following are observed, not documented: the amount, as written.
    amount: "Optional[str]"
    #: What the customer paid, fees included, as written.
    amount_customer: "Optional[str]"
    #: The currency.
    currency: "Optional[str]"
    #: The customer's telephone number.
    phone: "Optional[str]"
    #: The date, as written.
    created_at: "Optional[str]"
    #: "visa", "mpesa", ...
    channel: "Optional[str]"
    #: The gateway's words.
    message: "Optional[str]"
    #: The body as received.
    raw: str
    #: By which the same notice, delivered again, is known: the same for every spelling. Record it
    #: only AFTER the notice was verified, in one step with the order's state. Recorded before, it
    #: would let a forged notice make the true one look like a repeat.
    key: str
