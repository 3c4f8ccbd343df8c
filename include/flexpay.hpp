/*
 * flexpay.hpp: payments through FlexPay from C++17, over the C ABI of flexpay.h. Header only; link
 * with what `pkg-config --cflags --libs flexpay` says.
 *
 *     auto client = flexpay::Client::from_environment();
 *     flexpay::PaymentRequest request;
 *     request.reference = "ZANDO-2041";
 *     request.amount = "25.50";
 *     request.currency = "USD";
 *     auto payment = client.pay(request);
 *
 * The rules, for everything here:
 *
 * - What fails throws flexpay::Error, whose outcome() says whether the request may be repeated.
 *   Running out of memory throws std::bad_alloc.
 * - What you receive is a value of its own: the texts are copies, so nothing dangles when it is
 *   moved or outlives the client.
 * - A Client and a CancelToken may be used by many threads at once, but not while one of them moves,
 *   assigns or destroys it. All else follows the rule of the standard containers.
 * - Texts are UTF-8. A NUL inside one is refused (Result::invalid): C would silently cut it there.
 * - Amounts are decimal text, and hundredths in std::int64_t. There is no double.
 *
 * A callback is a hint: ANYONE can post one. Take Client::verify_callback's word, not the callback's.
 */

#ifndef FLEXPAY_HPP
#define FLEXPAY_HPP

#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "flexpay.h"

namespace flexpay {

/// What kind of failure an Error is. New ones may come: a number without a name here is kept as it
/// is, so have a default branch in every switch.
enum class Result : std::int32_t {
    /// Done. No Error has it.
    ok = FLEXPAY_OK,
    // written by make header: ErrorCode
    /// An argument or a setting is invalid. Nothing was sent. The error names the field.
    invalid = FLEXPAY_ERROR_INVALID,
    /// A bug in this library.
    internal = FLEXPAY_ERROR_INTERNAL,
    /// The host name could not be resolved.
    resolve = FLEXPAY_ERROR_RESOLVE,
    /// No connection could be made.
    connect = FLEXPAY_ERROR_CONNECT,
    /// The proxy refused the connection, or failed.
    proxy = FLEXPAY_ERROR_PROXY,
    /// The TLS handshake failed: the certificate is not trusted, is not valid now, or is for
    /// another host.
    tls = FLEXPAY_ERROR_TLS,
    /// The deadline passed.
    timeout = FLEXPAY_ERROR_TIMEOUT,
    /// The wait was cancelled.
    cancelled = FLEXPAY_ERROR_CANCELLED,
    /// The connection broke after the request had begun.
    connection = FLEXPAY_ERROR_CONNECTION,
    /// The reply cannot be read, or contradicts itself.
    reply = FLEXPAY_ERROR_REPLY,
    /// The gateway failed: HTTP 5xx, 408, 429, or a status it does not document.
    gateway = FLEXPAY_ERROR_GATEWAY,
    /// The gateway did not accept the token (HTTP 401 or 403).
    unauthorized = FLEXPAY_ERROR_UNAUTHORIZED,
    /// The gateway refused the request. The error has the gateway's message.
    refused = FLEXPAY_ERROR_REFUSED,
    /// The gateway has no such order. For a moment after a payment request this is normal.
    not_found = FLEXPAY_ERROR_NOT_FOUND,
    /// The callback's body cannot be read.
    callback = FLEXPAY_ERROR_CALLBACK,
    /// The transaction is not the expected one. The error's message names each field that differs.
    mismatch = FLEXPAY_ERROR_MISMATCH,
    // end of ErrorCode
};

/// What became of a request that failed: may it be repeated? Treat a number without a name here as
/// unknown.
enum class Outcome : std::int32_t {
    // written by make header: Outcome
    /// A part of the request was sent, and no usable reply was received. Do NOT repeat a payment
    /// before you know its state: by the callback, a check, or the merchant's console.
    unknown = FLEXPAY_OUTCOME_UNKNOWN,
    /// Nothing of the request left this machine. It may be repeated, but fix an invalid argument
    /// or setting first.
    not_sent = FLEXPAY_OUTCOME_NOT_SENT,
    /// The gateway refused the request. Repeat it only after fixing the cause.
    refused = FLEXPAY_OUTCOME_REFUSED,
    // end of Outcome
};

/// Where a transaction stands. Treat a number without a name here as unknown.
enum class State : std::int32_t {
    // written by make header: State
    /// The status is not in the gateway's table: neither paid nor failed.
    unknown = FLEXPAY_STATE_UNKNOWN,
    /// The customer has paid.
    paid = FLEXPAY_STATE_PAID,
    /// The payment failed. It may still become PAID for a while: the gateway reports a failure
    /// while the customer is still typing.
    failed = FLEXPAY_STATE_FAILED,
    /// The customer has not acted yet.
    pending = FLEXPAY_STATE_PENDING,
    /// A refund has begun.
    refunding = FLEXPAY_STATE_REFUNDING,
    /// The money was returned.
    refunded = FLEXPAY_STATE_REFUNDED,
    /// The customer cancelled.
    cancelled = FLEXPAY_STATE_CANCELLED,
    // end of State
};

/// Which of the gateway's hosts to talk to.
enum class Environment : std::int32_t {
    // written by make header: Environment
    /// cardpayment.flexpay.cd and backend.flexpay.cd.
    live = FLEXPAY_ENV_LIVE,
    /// beta-cardpayment.flexpay.cd and beta-backend.flexpay.cd.
    test = FLEXPAY_ENV_TEST,
    // end of Environment
};

/// Which form of the payment service to use.
enum class Api : std::int32_t {
    // written by make header: Api
    /// /v1/pay, as documented: a form. Its reply has no order number.
    v1 = FLEXPAY_API_V1,
    /// /v1.1/pay: JSON. Its reply has the order number, which a check and a wait need. The live
    /// gateway refuses a request without callback, approve, cancel and decline addresses.
    v1_1 = FLEXPAY_API_V1_1,
    // end of Api
};

/// The name of a result, "TIMEOUT"; "UNRECOGNIZED" for a number the library does not have. The text
/// is static.
[[nodiscard]] inline std::string_view name(Result result) noexcept {
    return flexpay_result_name(static_cast<std::int32_t>(result));
}

/// The name of an outcome, "NOT_SENT"; "UNRECOGNIZED" as above. The text is static.
[[nodiscard]] inline std::string_view name(Outcome outcome) noexcept {
    return flexpay_outcome_name(static_cast<std::int32_t>(outcome));
}

/// The name of a state, "PAID"; "UNRECOGNIZED" as above. The text is static.
[[nodiscard]] inline std::string_view name(State state) noexcept {
    return flexpay_state_name(static_cast<std::int32_t>(state));
}

/// Whether a state may replace the one that a shop has recorded, where notices and checks come late,
/// twice and out of order. Late "paid" beats "failed" and "cancelled"; after "paid" only a refund
/// follows; nothing is replaced by itself, by "unknown", or by what came before it.
///
/// The compare-and-set that goes with it: "UPDATE orders SET state = :now WHERE reference = :reference
/// AND state = :recorded". Whoever changes no row was not the first.
[[nodiscard]] inline bool state_may_replace(State recorded, State now) noexcept {
    return flexpay_state_may_replace(static_cast<std::int32_t>(recorded),
                                     static_cast<std::int32_t>(now)) == 1;
}

/// The version of the library that is loaded, "0.1.0". The text is static. FLEXPAY_VERSION is that
/// of the header.
[[nodiscard]] inline std::string_view version() noexcept {
    return flexpay_version();
}

/// Why a call failed. what() is for a person, in English: what went wrong and,
/// where that is known, what to do next. The token is never in it.
/// Copies share their details, so copying does not throw. What the accessors refer to is good as long
/// as this object, or a copy of it.
class Error : public std::runtime_error {
public:
    /// An error of your own making, for code that stands in for a Client.
    Error(Result code, Outcome outcome, const std::string& message,
          std::optional<std::string> field = std::nullopt)
        : std::runtime_error(message),
          details_(std::make_shared<const Details>(
              Details{code, outcome, std::nullopt, std::move(field), std::nullopt, std::nullopt,
                      std::nullopt})) {
    }

    /// The error of a C function, copied: the C object stays yours.
    explicit Error(const flexpay_error& error);

    /// What kind of failure it is.
    [[nodiscard]] Result code() const noexcept {
        return details_->code;
    }

    /// May the request be repeated?
    [[nodiscard]] Outcome outcome() const noexcept {
        return details_->outcome;
    }

    /// The HTTP status of the gateway's answer, where there was one.
    [[nodiscard]] std::optional<std::int32_t> http_status() const noexcept {
        return details_->http_status;
    }

    /// The name of the field at fault ("amount"), where one was.
    [[nodiscard]] const std::optional<std::string>& field() const noexcept {
        return details_->field;
    }

    /// The gateway's own code, where it gave one.
    [[nodiscard]] const std::optional<std::string>& gateway_code() const noexcept {
        return details_->gateway_code;
    }

    /// The gateway's own words, in French mostly, where it said any.
    [[nodiscard]] const std::optional<std::string>& gateway_message() const noexcept {
        return details_->gateway_message;
    }

    /// The order number that the reply to a failed payment request gave all the same: ask about it
    /// with Client::check before anything is repeated.
    [[nodiscard]] const std::optional<std::string>& order_number() const noexcept {
        return details_->order_number;
    }

private:
    struct Details {
        Result code;
        Outcome outcome;
        std::optional<std::int32_t> http_status;
        std::optional<std::string> field;
        std::optional<std::string> gateway_code;
        std::optional<std::string> gateway_message;
        std::optional<std::string> order_number;
    };

    std::shared_ptr<const Details> details_;
};

/// An amount as text: a plain decimal greater than zero with at most two decimals, "100" or "25.50".
/// The library checks it, not this class.
class Amount {
public:
    /// None: refused where one is needed.
    Amount() = default;

    /// The amount that `text` says.
    Amount(std::string text) : text_(std::move(text)) {
    }

    /// The amount that `text` says.
    Amount(std::string_view text) : text_(text) {
    }

    /// The amount that `text` says; null, as getenv gives it, is none.
    Amount(const char* text) : text_(text == nullptr ? "" : text) {
    }

    /// Refused: no amount is left out, not null.
    Amount(std::nullptr_t) = delete;

    /// Refused. No double holds 0.10, and no reader of `amount = 100` can tell francs from hundredths.
    /// Were the amount a std::string, both would compile: 100 would become the letter "d".
    template <typename Number, std::enable_if_t<std::is_arithmetic_v<Number>, int> = 0>
    Amount(Number) = delete;

    /// The text, as it was given.
    [[nodiscard]] const std::string& text() const noexcept {
        return text_;
    }

private:
    std::string text_;
};

/// A client's settings. Those left alone have the library's defaults.
struct Config {
    /// The merchant code. Needed.
    std::string merchant;
    /// The token, with or without "Bearer ". Needed. A Client wipes its own copy, and that of the
    /// secrets below, when it is destroyed; this one is yours to keep safe.
    std::string token;
    /// Which of the gateway's hosts.
    Environment environment = Environment::live;
    /// Which form of the payment service.
    Api api = Api::v1;
    /// The payment service's whole address, instead of the environment's.
    std::optional<std::string> pay_url;
    /// The check service's address, up to and without the order number (".../check"), instead of the
    /// environment's.
    std::optional<std::string> check_url;
    /// The whole call, name look-up to last byte. Default: 30 s.
    std::optional<std::chrono::milliseconds> timeout;
    /// The part of it for look-up, connection, proxy and TLS together. Default: 10 s.
    std::optional<std::chrono::milliseconds> connect_timeout;
    /// A PEM file of certificates to trust instead of those built in.
    std::optional<std::string> ca_file;
    /// An HTTP proxy, "http://user:password@host:port". The environment's proxy variables are not
    /// read.
    std::optional<std::string> proxy;
    /// Your software, for the User-Agent header: "BoutiqueZando/2.1".
    std::optional<std::string> app_name;
    /// A secret of yours, of at least 16 characters, with which every callback address is signed: then
    /// Client::verify_callback refuses a notice that was not sent to an address you gave.
    std::optional<std::string> callback_secret;
    /// The secret before this one: addresses signed with it are still good.
    std::optional<std::string> callback_secret_previous;
    /// Allows plain http to other machines than this one: the token then travels in the clear.
    bool allow_plain_http = false;
    /// Makes Client::check ask once only, for callers who have their own way of asking again.
    bool check_once = false;
    /// Trusts the system's certificates instead of those built in. Not together with ca_file.
    bool system_roots = false;
    /// Gives the client connections and TLS sessions of its own. Otherwise the clients of a process
    /// that use the same check service, proxy and certificates share them. The token is never shared.
    bool private_connections = false;
};

/// What a customer is asked to pay.
struct PaymentRequest {
    /// Your own reference. Needed. Never use one twice: a used reference is the gateway's only guard
    /// against a repeat.
    std::string reference;
    /// How much. Needed.
    Amount amount;
    /// "CDF" or "USD". Needed.
    std::string currency;
    /// What is being paid for, shown to the customer.
    std::optional<std::string> description;
    /// Where the gateway posts its notice. It refuses addresses on localhost or private networks.
    std::optional<std::string> callback_url;
    /// Where the customer's browser goes after paying.
    std::optional<std::string> approve_url;
    /// Where it goes after "cancel".
    std::optional<std::string> cancel_url;
    /// Where it goes when the card was declined.
    std::optional<std::string> decline_url;
    /// Your front page. Sent with Api::v1_1 only: the other form knows no such field.
    std::optional<std::string> home_url;
};

/// A payment that the gateway took in; the customer has yet to pay.
struct Payment {
    /// Where to send the customer: an absolute https address (http on this machine only), checked.
    /// Absent when there is a page instead.
    std::optional<std::string> redirect_url;
    /// The gateway's number, which check and wait need. Api::v1 gives none.
    std::optional<std::string> order_number;
    /// The gateway's code, as it came.
    std::optional<std::string> code;
    /// The gateway's words.
    std::optional<std::string> message;
    /// Where the gateway's page cannot be told as an address (a form that submits itself): the HTML
    /// to hand to the customer's browser.
    std::optional<std::string> page;
};

/// A transaction as the gateway tells it. A field that is absent from its reply, or unreadable in it,
/// is absent here.
struct Transaction {
    /// Where it stands. Only State::paid means that the customer has paid.
    State state = State::unknown;
    /// The status as the gateway wrote it.
    std::optional<std::string> status;
    /// The gateway's number, as given, or else the one asked for.
    std::string order_number;
    /// Your reference. One live integration got the order number here instead.
    std::optional<std::string> reference;
    /// The amount asked for, with two decimals: "50.00". This is the one to compare.
    std::optional<std::string> amount;
    /// What the customer pays, fees included: "51.00".
    std::optional<std::string> amount_customer;
    /// The amount in hundredths: 5000.
    std::optional<std::int64_t> amount_minor;
    /// The customer's amount in hundredths.
    std::optional<std::int64_t> amount_customer_minor;
    /// "CDF" or "USD", as the gateway wrote it.
    std::optional<std::string> currency;
    /// "2021-02-06T17:32:46", without a zone: the gateway states none.
    std::optional<std::string> created_at;
    /// How it was paid (undocumented): "visa", "mastercard", "mpesa", ...
    std::optional<std::string> channel;
    /// The reply's code: that the question was understood, never that anything was paid.
    std::optional<std::string> code;
    /// The gateway's words.
    std::optional<std::string> message;
    /// The reply as received.
    std::optional<std::string> raw;
};

/// What a callback says. ANYONE who knows the address can post one: believe nothing of it before
/// Client::verify_callback. Texts are as received; absent where they are absent, empty or null.
struct Callback {
    /// Whether it claims success. A claim.
    bool claims_success = false;
    /// "0": processed with success; anything else: not.
    std::string code;
    /// Your reference.
    std::optional<std::string> reference;
    /// The operator's reference, on success.
    std::optional<std::string> provider_reference;
    /// The gateway's number.
    std::optional<std::string> order_number;
    /// This and the following are observed, not documented: the amount, as written.
    std::optional<std::string> amount;
    /// What the customer paid, fees included, as written.
    std::optional<std::string> amount_customer;
    /// The currency.
    std::optional<std::string> currency;
    /// The customer's telephone number.
    std::optional<std::string> phone;
    /// The date, as written.
    std::optional<std::string> created_at;
    /// "visa", "mpesa", ...
    std::optional<std::string> channel;
    /// The gateway's words.
    std::optional<std::string> message;
    /// The body as received.
    std::string raw;
    /// By which the same notice, delivered again, is known: 64 hexadecimal digits over the order
    /// number, the reference and what is claimed of them, the same for every spelling. Record it only
    /// AFTER the notice was verified, in one step with the order's state: a key recorded before would
    /// let a forged notice make the true one look like a repeat.
    std::string key;
};

/// What you asked for, from your own records, to hold an order or a callback against.
struct Expected {
    /// The reference of the payment request. Needed.
    std::string reference;
    /// Its amount. Needed.
    Amount amount;
    /// Its currency. Needed.
    std::string currency;
    /// The order number the gateway gave for it. Set it whenever you recorded one: then that order is
    /// checked, whatever the callback says. Absent: the callback's is. Client::verify_order needs it.
    std::optional<std::string> order_number;
    /// The query string of the request that brought the callback ("flexpay=1.abc"), with or without
    /// its "?". Needed where the client has a callback_secret: its signature is checked before
    /// anything is asked.
    std::optional<std::string> query;
};

namespace detail {

/// Frees a C object with its own function.
template <auto Free>
struct Deleter {
    template <typename Object>
    void operator()(Object* object) const noexcept {
        Free(object);
    }
};

template <typename Object, auto Free>
using Handle = std::unique_ptr<Object, Deleter<Free>>;

using ErrorHandle = Handle<flexpay_error, flexpay_error_free>;
using ClientHandle = Handle<flexpay_client, flexpay_client_free>;
using CancelHandle = Handle<flexpay_cancel_token, flexpay_cancel_token_free>;
using PaymentHandle = Handle<flexpay_payment, flexpay_payment_free>;
using TransactionHandle = Handle<flexpay_transaction, flexpay_transaction_free>;
using CallbackHandle = Handle<flexpay_callback, flexpay_callback_free>;

inline Error invalid(const char* field, const std::string& problem) {
    return Error(Result::invalid, Outcome::not_sent, std::string(field) + ": " + problem, field);
}

/// Refuses a library of another ABI: its structs and codes may mean something else.
inline void require_abi() {
    const std::int32_t found = flexpay_abi_version();
    if (found != FLEXPAY_ABI_VERSION) {
        throw Error(Result::internal, Outcome::not_sent,
                    "the libflexpay that is loaded has ABI version " + std::to_string(found) +
                        ", but this program was built with flexpay.h of ABI version " +
                        std::to_string(FLEXPAY_ABI_VERSION));
    }
}

/// Calls a C function with its last two parameters, and gives what it made or throws its error.
template <typename Made, typename Function>
Made receive(Function function) {
    require_abi();
    typename Made::pointer made = nullptr;
    flexpay_error* failure = nullptr;
    const flexpay_result result = function(&made, &failure);
    Made owned_made(made);
    const ErrorHandle owned_failure(failure);
    if (result == FLEXPAY_OK) {
        return owned_made;
    }
    if (!owned_failure) {
        // The library promises an error object; without one nothing is known of the request.
        throw Error(static_cast<Result>(result), Outcome::unknown, flexpay_result_name(result));
    }
    throw Error(*owned_failure);
}

inline std::string text(const char* text) {
    return text == nullptr ? std::string() : std::string(text);
}

inline std::optional<std::string> optional_text(const char* text) {
    return text == nullptr ? std::nullopt : std::optional<std::string>(text);
}

inline std::optional<std::int64_t> optional_minor(std::int64_t minor) {
    return minor < 0 ? std::nullopt : std::optional<std::int64_t>(minor);
}

/// The text for C, which ends at the first NUL: one within the text would cut it unnoticed.
inline const char* c_text(const std::string& text, const char* field) {
    if (text.find('\0') != std::string::npos) {
        throw invalid(field, "contains a NUL byte");
    }
    return text.c_str();
}

inline const char* c_text(const std::optional<std::string>& text, const char* field) {
    return text ? c_text(*text, field) : nullptr;
}

/// The duration for C, where 0 means the default. A caller whose computed time has run out must not
/// get the default's ten minutes instead.
inline std::uint32_t c_milliseconds(std::optional<std::chrono::milliseconds> time,
                                    const char* field) {
    if (!time) {
        return 0;
    }
    if (time->count() < 1 || time->count() > std::numeric_limits<std::uint32_t>::max()) {
        throw invalid(field, "is not between 1 and 4294967295 ms; leave it out for the default");
    }
    return static_cast<std::uint32_t>(time->count());
}

inline const std::uint8_t* c_bytes(std::string_view bytes) {
    return reinterpret_cast<const std::uint8_t*>(bytes.data());
}

/// The expectation for C, which lives no longer than `from`.
inline flexpay_expected c_expected(const Expected& from) {
    flexpay_expected to = FLEXPAY_EXPECTED_INIT;
    to.reference = c_text(from.reference, "reference");
    to.amount = c_text(from.amount.text(), "amount");
    to.currency = c_text(from.currency, "currency");
    to.order_number = c_text(from.order_number, "order_number");
    to.query = c_text(from.query, "query");
    return to;
}

inline Transaction copy(const flexpay_transaction& from) {
    Transaction to;
    to.state = static_cast<State>(from.state);
    to.status = optional_text(from.status);
    to.order_number = text(from.order_number);
    to.reference = optional_text(from.reference);
    to.amount = optional_text(from.amount);
    to.amount_customer = optional_text(from.amount_customer);
    to.amount_minor = optional_minor(from.amount_minor);
    to.amount_customer_minor = optional_minor(from.amount_customer_minor);
    to.currency = optional_text(from.currency);
    to.created_at = optional_text(from.created_at);
    to.channel = optional_text(from.channel);
    to.code = optional_text(from.code);
    to.message = optional_text(from.message);
    to.raw = optional_text(from.raw);
    return to;
}

inline Payment copy(const flexpay_payment& from) {
    Payment to;
    to.redirect_url = optional_text(from.redirect_url);
    to.order_number = optional_text(from.order_number);
    to.code = optional_text(from.code);
    to.message = optional_text(from.message);
    to.page = optional_text(from.page);
    return to;
}

inline Callback copy(const flexpay_callback& from) {
    Callback to;
    to.claims_success = from.claims_success == 1;
    to.code = text(from.code);
    to.reference = optional_text(from.reference);
    to.provider_reference = optional_text(from.provider_reference);
    to.order_number = optional_text(from.order_number);
    to.amount = optional_text(from.amount);
    to.amount_customer = optional_text(from.amount_customer);
    to.currency = optional_text(from.currency);
    to.phone = optional_text(from.phone);
    to.created_at = optional_text(from.created_at);
    to.channel = optional_text(from.channel);
    to.message = optional_text(from.message);
    to.raw = text(from.raw);
    char key[FLEXPAY_CALLBACK_KEY_SIZE];
    const flexpay_result result = flexpay_callback_key(&from, key, sizeof key, nullptr);
    if (result != FLEXPAY_OK) {
        throw Error(static_cast<Result>(result), Outcome::not_sent,
                    "the key of a callback could not be made");
    }
    to.key = key;
    return to;
}

}  // namespace detail

inline Error::Error(const flexpay_error& error)
    : std::runtime_error(detail::text(error.message)),
      details_(std::make_shared<const Details>(Details{
          static_cast<Result>(error.code),
          static_cast<Outcome>(error.outcome),
          error.http_status == 0 ? std::nullopt : std::optional<std::int32_t>(error.http_status),
          detail::optional_text(error.field),
          detail::optional_text(error.gateway_code),
          detail::optional_text(error.gateway_message),
          detail::optional_text(error.order_number),
      })) {
}

/// Ends a Client::wait from another thread or from a signal handler. It can be moved, not copied;
/// share it by reference.
class CancelToken {
public:
    /// A token that is not cancelled. Throws Error: internal. Does not block.
    CancelToken()
        : handle_(detail::receive<detail::CancelHandle>(
              [](auto** token, auto** error) { return flexpay_cancel_token_new(token, error); })) {
    }

    /// Cancels: every wait that was given this token ends with Result::cancelled within a twentieth of
    /// a second, and so does one that is begun with it later. One atomic store: safe in a signal
    /// handler. Does nothing on a token that was moved from.
    void cancel() const noexcept {
        flexpay_cancel_token_cancel(handle_.get());
    }

    /// The C object, for calling flexpay.h yourself. It stays this token's: do not free it. Null when
    /// the token was moved from.
    [[nodiscard]] const flexpay_cancel_token* get() const noexcept {
        return handle_.get();
    }

private:
    detail::CancelHandle handle_;
};

/// How to wait. Those left alone have the library's defaults.
struct WaitOptions {
    /// How long to wait in all. Default: 10 min.
    std::optional<std::chrono::milliseconds> timeout;
    /// The pause before the second question; it grows by half each time. Default: 1 s.
    std::optional<std::chrono::milliseconds> interval;
    /// The longest pause. Default: 10 s.
    std::optional<std::chrono::milliseconds> max_interval;
    /// How long "failed" must stand to be believed: the gateway says it while the customer is still
    /// typing, and "paid" afterwards. The same for "cancelled", "refunding" and "refunded".
    /// Default: 30 s.
    std::optional<std::chrono::milliseconds> failed_grace;
    /// Ends the wait from elsewhere; may be null. Yours: it must live until the wait has returned.
    const CancelToken* cancel = nullptr;
    /// What you asked for. Then the wait returns that payment and no other: one that differs in
    /// reference, amount or currency ends it with Result::mismatch. Its order_number, where there is
    /// one, must be the one you wait for; set it where it is from your records. Its query is not used.
    std::optional<Expected> expected;
};

/// A client for one merchant. Make one and share it by reference: its calls may run in many threads at
/// once. It can be moved, not copied; a call on one that was moved from throws Error: invalid, field
/// "client". It works on in a forked child.
class Client {
public:
    /// A client with these settings, which are copied. Nothing is sent, but the settings are checked
    /// and the CA file is read. Throws Error: invalid (field() names the setting), internal (also when
    /// the library that is loaded has another ABI version than this header). Does not block.
    explicit Client(const Config& config) : handle_(create(config)) {
    }

    /// A client with the settings of the environment: FLEXPAY_MERCHANT, FLEXPAY_TOKEN,
    /// FLEXPAY_ENVIRONMENT ("live", "test"), FLEXPAY_API ("v1", "v1.1"), FLEXPAY_PAY_URL,
    /// FLEXPAY_CHECK_URL, FLEXPAY_TIMEOUT_MS, FLEXPAY_CONNECT_TIMEOUT_MS, FLEXPAY_CA_FILE,
    /// FLEXPAY_PROXY, FLEXPAY_APP_NAME, FLEXPAY_CALLBACK_SECRET, FLEXPAY_CALLBACK_SECRET_PREVIOUS,
    /// FLEXPAY_ALLOW_PLAIN_HTTP, FLEXPAY_CHECK_ONCE, FLEXPAY_SYSTEM_ROOTS and
    /// FLEXPAY_PRIVATE_CONNECTIONS ("0", "1"). Only the first two are needed.
    /// Throws Error: as the constructor, where field() names the variable or setting. Must not run while
    /// another thread changes the environment. Does not block.
    [[nodiscard]] static Client from_environment() {
        return Client(detail::receive<detail::ClientHandle>(
            [](auto** client, auto** error) { return flexpay_client_from_env(client, error); }));
    }

    /// Asks the gateway to take in a payment. The request is sent AT MOST ONCE, whatever happens; the
    /// error's outcome() says whether it may be repeated. Throws Error: invalid, resolve, connect,
    /// proxy, tls, timeout, connection, reply, gateway, unauthorized, refused, internal. Blocks up to
    /// the client's timeout.
    ///
    /// The result is not to be dropped: it has the address the customer must go to. Should copying it
    /// out run out of memory (std::bad_alloc), the payment stands at the gateway all the same.
    [[nodiscard]] Payment pay(const PaymentRequest& request) const {
        flexpay_payment_request given = FLEXPAY_PAYMENT_REQUEST_INIT;
        given.reference = detail::c_text(request.reference, "reference");
        given.amount = detail::c_text(request.amount.text(), "amount");
        given.currency = detail::c_text(request.currency, "currency");
        given.description = detail::c_text(request.description, "description");
        given.callback_url = detail::c_text(request.callback_url, "callback_url");
        given.approve_url = detail::c_text(request.approve_url, "approve_url");
        given.cancel_url = detail::c_text(request.cancel_url, "cancel_url");
        given.decline_url = detail::c_text(request.decline_url, "decline_url");
        given.home_url = detail::c_text(request.home_url, "home_url");
        const flexpay_client* client = living();
        return detail::copy(*detail::receive<detail::PaymentHandle>([&](auto** made, auto** error) {
            return flexpay_pay(client, &given, made, error);
        }));
    }

    /// Asks the gateway where an order stands. Asking changes nothing, so what a broken connection or
    /// a failing gateway left unanswered is asked again, within the deadline (but for
    /// Config::check_once). That it returns says that the order was found; its state, whether it is
    /// paid. Throws Error: as pay, and not_found. Blocks up to the client's timeout.
    [[nodiscard]] Transaction check(std::optional<std::string_view> order_number) const {
        const std::string order(order_number.value_or(std::string_view()));
        const char* given = order_number ? detail::c_text(order, "order_number") : nullptr;
        const flexpay_client* client = living();
        return detail::copy(
            *detail::receive<detail::TransactionHandle>([&](auto** made, auto** error) {
                return flexpay_check(client, given, made, error);
            }));
    }

    /// Waits for the outcome of an order: asks again and again, less and less often, until it is
    /// final, the time is up, or the wait is cancelled. Paid is final at once; failed, cancelled,
    /// refunding and refunded once they have stood for the options' failed_grace. The wait goes on
    /// after an order not found (yet), a question refused, a failing gateway and broken connections;
    /// a refused token ends it. Without an order number, as after a payment by the form (Api::v1), it
    /// is refused with words that say why. Throws Error: invalid, timeout (what() has the last thing
    /// seen), cancelled, mismatch (with the options' expected), unauthorized, tls, internal. Blocks up
    /// to the options' timeout.
    [[nodiscard]] Transaction wait(std::optional<std::string_view> order_number,
                                   const WaitOptions& options = WaitOptions()) const {
        const std::string order(order_number.value_or(std::string_view()));
        const char* given = order_number ? detail::c_text(order, "order_number") : nullptr;
        flexpay_wait_options how = FLEXPAY_WAIT_OPTIONS_INIT;
        how.timeout_ms = detail::c_milliseconds(options.timeout, "timeout");
        how.interval_ms = detail::c_milliseconds(options.interval, "interval");
        how.max_interval_ms = detail::c_milliseconds(options.max_interval, "max_interval");
        how.failed_grace_ms = detail::c_milliseconds(options.failed_grace, "failed_grace");
        if (options.cancel != nullptr) {
            how.cancel = options.cancel->get();
            // C takes NULL for "no token": nobody could end the wait.
            if (how.cancel == nullptr) {
                throw detail::invalid("cancel", "this CancelToken was moved from");
            }
        }
        flexpay_expected expected = FLEXPAY_EXPECTED_INIT;
        if (options.expected) {
            expected = detail::c_expected(*options.expected);
            how.expected = &expected;
        }
        const flexpay_client* client = living();
        return detail::copy(
            *detail::receive<detail::TransactionHandle>([&](auto** made, auto** error) {
                return flexpay_wait(client, given, &how, made, error);
            }));
    }

    /// Gives the verdict on a callback: reads `body`, as it came, asks the gateway about its order,
    /// and compares reference, amount and currency with what you asked for. That it returns says that
    /// this transaction IS the one you asked for; its state says whether it is paid: mark an order
    /// paid only on State::paid. Where the client has a callback_secret, the address the callback came
    /// to must carry its signature; otherwise nothing is asked. Throws Error: callback, mismatch (a
    /// callback that is not about the expected payment), and those of check. Blocks up to the client's
    /// timeout.
    [[nodiscard]] Transaction verify_callback(std::string_view body,
                                              const Expected& expected) const {
        const flexpay_expected given = detail::c_expected(expected);
        const flexpay_client* client = living();
        return detail::copy(
            *detail::receive<detail::TransactionHandle>([&](auto** made, auto** error) {
                return flexpay_verify_callback(client, detail::c_bytes(body), body.size(), &given,
                                               made, error);
            }));
    }

    /// Gives the verdict on an order, without a callback: asks the gateway about
    /// expected.order_number, from your records (needed here), and compares reference, amount and
    /// currency with what you asked for. That it returns says that this transaction IS the one you
    /// asked for; its state says whether it is paid: mark an order paid only on State::paid.
    /// expected.query and the client's callback_secret are not used. Throws Error: mismatch (another
    /// payment), and those of check. Blocks up to the client's timeout.
    [[nodiscard]] Transaction verify_order(const Expected& expected) const {
        const flexpay_expected given = detail::c_expected(expected);
        const flexpay_client* client = living();
        return detail::copy(
            *detail::receive<detail::TransactionHandle>([&](auto** made, auto** error) {
                return flexpay_verify_order(client, &given, made, error);
            }));
    }

    /// The C object, for calling flexpay.h yourself. It stays this client's: do not free it. Null when
    /// the client was moved from.
    [[nodiscard]] const flexpay_client* get() const noexcept {
        return handle_.get();
    }

private:
    explicit Client(detail::ClientHandle handle) noexcept : handle_(std::move(handle)) {
    }

    static detail::ClientHandle create(const Config& config) {
        flexpay_config given = FLEXPAY_CONFIG_INIT;
        given.merchant = detail::c_text(config.merchant, "merchant");
        given.token = detail::c_text(config.token, "token");
        given.environment = static_cast<std::int32_t>(config.environment);
        given.api = static_cast<std::int32_t>(config.api);
        given.pay_url = detail::c_text(config.pay_url, "pay_url");
        given.check_url = detail::c_text(config.check_url, "check_url");
        given.timeout_ms = detail::c_milliseconds(config.timeout, "timeout");
        given.connect_timeout_ms = detail::c_milliseconds(config.connect_timeout, "connect_timeout");
        given.ca_file = detail::c_text(config.ca_file, "ca_file");
        given.proxy = detail::c_text(config.proxy, "proxy");
        given.app_name = detail::c_text(config.app_name, "app_name");
        given.callback_secret = detail::c_text(config.callback_secret, "callback_secret");
        given.callback_secret_previous =
            detail::c_text(config.callback_secret_previous, "callback_secret_previous");
        if (config.allow_plain_http) {
            given.flags |= FLEXPAY_FLAG_ALLOW_PLAIN_HTTP;
        }
        if (config.check_once) {
            given.flags |= FLEXPAY_FLAG_CHECK_ONCE;
        }
        if (config.system_roots) {
            given.flags |= FLEXPAY_FLAG_SYSTEM_ROOTS;
        }
        if (config.private_connections) {
            given.flags |= FLEXPAY_FLAG_PRIVATE_CONNECTIONS;
        }
        return detail::receive<detail::ClientHandle>([&](auto** client, auto** error) {
            return flexpay_client_new(&given, client, error);
        });
    }

    const flexpay_client* living() const {
        if (!handle_) {
            throw detail::invalid("client", "this Client was moved from and can do nothing");
        }
        return handle_.get();
    }

    detail::ClientHandle handle_;
};

/// Reads a callback body, JSON or form, as it came. Believes nothing, and asks nobody: for the verdict
/// see Client::verify_callback. Throws Error: callback (over 64 KiB, or unreadable), internal. Does
/// not block.
[[nodiscard]] inline Callback parse_callback(std::string_view body) {
    return detail::copy(*detail::receive<detail::CallbackHandle>([&](auto** made, auto** error) {
        return flexpay_parse_callback(detail::c_bytes(body), body.size(), made, error);
    }));
}

}  // namespace flexpay

#endif  // FLEXPAY_HPP
