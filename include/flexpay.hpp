/*
 * flexpay.hpp: payments and payouts through FlexPay from C++17, on top of the C ABI of flexpay.h.
 * Header only.
 * Compile and link with the output of `pkg-config --cflags --libs flexpay`.
 *
 *     auto client = flexpay::Client::from_environment();
 *     flexpay::PaymentRequest request;
 *     request.reference = "ZANDO-2041";
 *     request.amount = "25.50";
 *     request.currency = "USD";
 *     auto payment = client.pay(request);
 *
 * Rules:
 *
 * - A failure throws flexpay::Error, whose outcome() says whether the request may be repeated.
 *   Running out of memory throws std::bad_alloc.
 * - Results are independent values with copied strings: they stay valid when they are moved, and
 *   after the client is destroyed.
 * - Several threads may use one Client or one CancelToken at the same time, but not while a thread
 *   moves, assigns or destroys it. Other objects have the thread rules of the standard containers.
 * - Strings are UTF-8. A NUL inside a string is refused (Result::invalid), because C would silently
 *   cut the string there.
 * - Amounts are decimal text, or hundredths in a std::int64_t. Floating point is not used.
 *
 * A callback is a hint: ANYONE can send one. Trust the result of Client::verify_callback, not the
 * callback. Without a callback, use Client::verify_order.
 *
 * With a journal (Config::journal), payments and payouts survive a crash and a power cut: the top of
 * flexpay.h explains it.
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
#include <vector>

#include "flexpay.h"

namespace flexpay {

/// The kind of an Error. Later versions may add values. A number without a name here is kept
/// unchanged, so every switch needs a default branch.
enum class Result : std::int32_t {
    /// The call succeeded. No Error has this value.
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
    /// The journal cannot be read or written. If nothing was recorded before a request, nothing is
    /// sent.
    journal = FLEXPAY_ERROR_JOURNAL,
    /// Another call is sending the request of this reference now.
    in_progress = FLEXPAY_ERROR_IN_PROGRESS,
    /// The journal has an earlier request under this reference, and nobody knows what came of it.
    /// Nothing was sent now.
    in_doubt = FLEXPAY_ERROR_IN_DOUBT,
    // end of ErrorCode
};

/// Whether a failed request may be repeated. Treat a number without a name here as unknown.
enum class Outcome : std::int32_t {
    // written by make header: Outcome
    /// At least one byte of the request was sent, or may have been, and no usable reply was
    /// received. Do NOT repeat a payment before you know its state: verify the callback, verify
    /// the order if the error has its number, or look for the reference in the merchant's console.
    unknown = FLEXPAY_OUTCOME_UNKNOWN,
    /// Nothing of the request left this machine. It may be repeated, but fix an invalid argument
    /// or setting first.
    not_sent = FLEXPAY_OUTCOME_NOT_SENT,
    /// The gateway refused the request. Repeat it only after fixing the cause.
    refused = FLEXPAY_OUTCOME_REFUSED,
    // end of Outcome
};

/// The state of a transaction. Treat a number without a name here as unknown.
enum class State : std::int32_t {
    // written by make header: State
    /// The status is not in the gateway's table: neither paid nor failed.
    unknown = FLEXPAY_STATE_UNKNOWN,
    /// The customer has paid. For a payout: the beneficiary has the money.
    paid = FLEXPAY_STATE_PAID,
    /// The payment or the payout failed. The gateway can still report PAID later: it reports a
    /// failure while the customer is still entering the card or the PIN. Verify the order again
    /// for a day. Do not send a payout again before.
    failed = FLEXPAY_STATE_FAILED,
    /// The customer has neither paid nor cancelled yet. For a payout: the beneficiary does not
    /// have the money yet.
    pending = FLEXPAY_STATE_PENDING,
    /// A refund has begun.
    refunding = FLEXPAY_STATE_REFUNDING,
    /// The money was returned to the customer. For a payout: to you.
    refunded = FLEXPAY_STATE_REFUNDED,
    /// The customer cancelled.
    cancelled = FLEXPAY_STATE_CANCELLED,
    // end of State
};

/// The gateway's hosts.
enum class Environment : std::int32_t {
    // written by make header: Environment
    /// cardpayment.flexpay.cd and backend.flexpay.cd.
    live = FLEXPAY_ENV_LIVE,
    /// beta-cardpayment.flexpay.cd and beta-backend.flexpay.cd.
    test = FLEXPAY_ENV_TEST,
    // end of Environment
};

/// The version of the payment service.
enum class Api : std::int32_t {
    // written by make header: Api
    /// /v1/pay, as documented: a form. Its reply has no order number.
    v1 = FLEXPAY_API_V1,
    /// /v1.1/pay: JSON. Its reply has the order number, which a check and a wait need. The live
    /// gateway refuses a request if the callback, approve, cancel or decline URL is missing.
    v1_1 = FLEXPAY_API_V1_1,
    // end of Api
};

/// The way the money goes.
enum class Kind : std::int32_t {
    // written by make header: Kind
    /// A customer pays with a card.
    card = FLEXPAY_KIND_CARD,
    /// A customer pays with mobile money.
    mobile = FLEXPAY_KIND_MOBILE,
    /// The merchant sends money to a mobile money account.
    payout = FLEXPAY_KIND_PAYOUT,
    // end of Kind
};

/// What the journal knows of a payment or payout. Treat a number without a name here as in_doubt.
enum class EntryState : std::int32_t {
    // written by make header: EntryState
    /// A process is sending the request, or was sending it when it ended.
    sending = FLEXPAY_ENTRY_SENDING,
    /// Nothing of the request left the machine. It may be sent again.
    not_sent = FLEXPAY_ENTRY_NOT_SENT,
    /// The gateway refused the request. It may be sent again when the cause is fixed.
    refused = FLEXPAY_ENTRY_REFUSED,
    /// Nobody knows whether the gateway has the request. A callback, a check or a person resolves
    /// it.
    in_doubt = FLEXPAY_ENTRY_IN_DOUBT,
    /// The gateway accepted the request. Nobody has paid yet.
    accepted = FLEXPAY_ENTRY_ACCEPTED,
    /// The gateway says that it is paid. For a payout: the beneficiary has the money.
    paid = FLEXPAY_ENTRY_PAID,
    /// The gateway says that it failed. A late PAID still replaces this.
    failed = FLEXPAY_ENTRY_FAILED,
    /// The gateway says that the customer cancelled. A late PAID still replaces this.
    cancelled = FLEXPAY_ENTRY_CANCELLED,
    /// The gateway says that the money is being returned. If it was never PAID, a late PAID still
    /// replaces this.
    refunding = FLEXPAY_ENTRY_REFUNDING,
    /// The gateway says that the money was returned. If it was never PAID, a late PAID still
    /// replaces this.
    refunded = FLEXPAY_ENTRY_REFUNDED,
    // end of EntryState
};

/// Which entries of the journal are listed.
enum class JournalFilter : std::int32_t {
    // written by make header: Filter
    /// Every entry.
    all = FLEXPAY_JOURNAL_ALL,
    /// Entries whose state may still change.
    open = FLEXPAY_JOURNAL_OPEN,
    /// Entries in the state IN_DOUBT.
    in_doubt = FLEXPAY_JOURNAL_IN_DOUBT,
    /// Payments that are paid and not acknowledged.
    to_deliver = FLEXPAY_JOURNAL_TO_DELIVER,
    // end of Filter
};

/// Returns the name of a result, "TIMEOUT"; "UNRECOGNIZED" if the library has no such number. The
/// string is static.
[[nodiscard]] inline std::string_view name(Result result) noexcept {
    return flexpay_result_name(static_cast<std::int32_t>(result));
}

/// Returns the name of an outcome, "NOT_SENT"; "UNRECOGNIZED" as above. The string is static.
[[nodiscard]] inline std::string_view name(Outcome outcome) noexcept {
    return flexpay_outcome_name(static_cast<std::int32_t>(outcome));
}

/// Returns the name of a state, "PAID"; "UNRECOGNIZED" as above. The string is static.
[[nodiscard]] inline std::string_view name(State state) noexcept {
    return flexpay_state_name(static_cast<std::int32_t>(state));
}

/// Returns the name of an entry's state, "IN_DOUBT"; "UNRECOGNIZED" as above. The string is static.
[[nodiscard]] inline std::string_view name(EntryState state) noexcept {
    return flexpay_entry_state_name(static_cast<std::int32_t>(state));
}

/// Returns whether a new state may replace the recorded one. Use it because callbacks and checks
/// may arrive late, twice and out of order. A late "paid" replaces "failed" and "cancelled".
/// "refunding" replaces only "paid"; "refunded" replaces "paid" and "refunding". No state is replaced
/// by itself, by "unknown", or by an earlier state.
///
/// Write the new state with a compare-and-set: "UPDATE orders SET state = :now WHERE reference =
/// :reference AND state = :recorded". If no row changes, another process was first.
[[nodiscard]] inline bool state_may_replace(State recorded, State now) noexcept {
    return flexpay_state_may_replace(static_cast<std::int32_t>(recorded),
                                     static_cast<std::int32_t>(now)) == 1;
}

/// Returns the version of the loaded library, "1.0.0-rc.1". The string is static. FLEXPAY_VERSION is the
/// version of the header.
[[nodiscard]] inline std::string_view version() noexcept {
    return flexpay_version();
}

/// Why a call failed. what() is for people, in English: what went wrong and, if known, what to do
/// next. The token is never in it. Copies share their details, so copying does not throw. A
/// reference from an accessor is valid while this object or a copy of it exists.
class Error : public std::runtime_error {
public:
    /// Creates an error, for code that replaces a Client (in a test).
    Error(Result code, Outcome outcome, const std::string& message,
          std::optional<std::string> field = std::nullopt)
        : std::runtime_error(message),
          details_(std::make_shared<const Details>(
              Details{code, outcome, std::nullopt, std::move(field), std::nullopt, std::nullopt,
                      std::nullopt, std::nullopt})) {
    }

    /// Copies the error of a C function. You still own the C object.
    explicit Error(const flexpay_error& error);

    /// The kind of failure.
    [[nodiscard]] Result code() const noexcept {
        return details_->code;
    }

    /// Whether the request may be repeated.
    [[nodiscard]] Outcome outcome() const noexcept {
        return details_->outcome;
    }

    /// The HTTP status of the gateway's reply, if there was one.
    [[nodiscard]] std::optional<std::int32_t> http_status() const noexcept {
        return details_->http_status;
    }

    /// The name of the wrong field ("amount"), if the error is about a field.
    [[nodiscard]] const std::optional<std::string>& field() const noexcept {
        return details_->field;
    }

    /// The gateway's code, if it gave one.
    [[nodiscard]] const std::optional<std::string>& gateway_code() const noexcept {
        return details_->gateway_code;
    }

    /// The gateway's message, mostly in French, if it gave one.
    [[nodiscard]] const std::optional<std::string>& gateway_message() const noexcept {
        return details_->gateway_message;
    }

    /// The order number that the reply to a failed payment request contained: check it with
    /// Client::check before you repeat anything.
    [[nodiscard]] const std::optional<std::string>& order_number() const noexcept {
        return details_->order_number;
    }

    /// What the call did, as JSON text: see Config::trace. Absent without that flag.
    [[nodiscard]] const std::optional<std::string>& trace() const noexcept {
        return details_->trace;
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
        std::optional<std::string> trace;
    };

    std::shared_ptr<const Details> details_;
};

/// An amount as text: a plain decimal greater than zero with at most two decimals, "100" or
/// "25.50". The library checks it, not this class.
class Amount {
public:
    /// No amount. Refused if an amount is required.
    Amount() = default;

    /// The amount in `text`.
    Amount(std::string text) : text_(std::move(text)) {
    }

    /// The amount in `text`.
    Amount(std::string_view text) : text_(text) {
    }

    /// The amount in `text`. Null, which getenv may return, means no amount.
    Amount(const char* text) : text_(text == nullptr ? "" : text) {
    }

    /// Refused. To give no amount, leave it out.
    Amount(std::nullptr_t) = delete;

    /// Refused. A double cannot hold 0.10 exactly, and `amount = 100` does not say whether it is
    /// francs or hundredths. With a std::string instead of this class both would compile: 100 would
    /// become the letter "d".
    template <typename Number, std::enable_if_t<std::is_arithmetic_v<Number>, int> = 0>
    Amount(Number) = delete;

    /// The text, unchanged.
    [[nodiscard]] const std::string& text() const noexcept {
        return text_;
    }

private:
    std::string text_;
};

/// The settings of a client. A setting that is not set has the library's default.
struct Config {
    /// The merchant code. Required.
    std::string merchant;
    /// The token, with or without "Bearer ". Required. A Client wipes its copies of the token and
    /// of the secrets below from memory when it is destroyed. This copy is yours to protect.
    std::string token;
    /// The gateway's hosts.
    Environment environment = Environment::live;
    /// The version of the payment service.
    Api api = Api::v1;
    /// The full URL of the payment service, instead of the environment's.
    std::optional<std::string> pay_url;
    /// The URL of the check service without the order number (".../check"), instead of the
    /// environment's.
    std::optional<std::string> check_url;
    /// The full URL of the service for payments by mobile money (".../paymentService"), instead of the
    /// environment's.
    std::optional<std::string> mobile_url;
    /// The full URL of the payout service (".../merchantPayOutService"), instead of the environment's.
    std::optional<std::string> payout_url;
    /// The time limit of a whole call, from DNS lookup to last byte. Default: 30 s.
    std::optional<std::chrono::milliseconds> timeout;
    /// The part of timeout for DNS lookup, connection, proxy and TLS together. Default: 10 s.
    std::optional<std::chrono::milliseconds> connect_timeout;
    /// A PEM file of certificates to trust instead of the built-in ones.
    std::optional<std::string> ca_file;
    /// An HTTP proxy, "http://user:password@host:port". Environment variables such as https_proxy
    /// are not read.
    std::optional<std::string> proxy;
    /// The name of your software, for the User-Agent header: "BoutiqueZando/2.1".
    std::optional<std::string> app_name;
    /// A secret of your own, at least 16 characters. It signs every callback URL:
    /// Client::verify_callback then refuses a callback that was not sent to a URL you gave.
    std::optional<std::string> callback_secret;
    /// The previous secret: URLs signed with it are still accepted.
    std::optional<std::string> callback_secret_previous;
    /// The path of the journal: see the top of flexpay.h. The file is made if there is none. Its
    /// folder must exist, on a disk of this machine.
    std::optional<std::string> journal;
    // written by make header: Flag
    /// Allows plain http to other machines: the token is then sent unencrypted.
    bool allow_plain_http = false;
    /// A check does not retry after a failure of the network or the gateway: for callers that
    /// retry themselves. Exception: if an idle connection was closed, or its reply may belong to
    /// another request, the request is sent once more, over a new connection.
    bool check_once = false;
    /// Trusts the system's certificates instead of the built-in ones. It is for networks whose
    /// proxy or firewall has its own certificate authority. The certificates are read when the
    /// client is made, from SSL_CERT_FILE and SSL_CERT_DIR, or from the system's usual places.
    /// Cannot be used with ca_file.
    bool system_roots = false;
    /// Gives the client its own connections and TLS sessions. Otherwise the clients of one process
    /// that use the same check service, proxy and certificates share them. A shared connection
    /// stays open when a client is freed, for the next client: until it was idle for 15 seconds.
    /// The token is never shared.
    bool private_connections = false;
    /// Allows payouts. Without it, the client refuses to send money out, so that a shop that only
    /// sells cannot do so by mistake or after an attack.
    bool allow_payout = false;
    /// Adds a trace to each payment, transaction and error: what the call did, step by step, as
    /// JSON text for your log. It is one object on one line, with call, correlation_id and steps;
    /// each step has ms, the time since the start in milliseconds, and step, its name. Of more
    /// than 1000 steps some are left out, and omitted is their number. Later versions may add
    /// steps and fields. It never contains the token, a body, or a header other than type and
    /// date. An argument that the C layer itself refuses (a NULL pointer, text that is not UTF-8)
    /// has no trace.
    bool trace = false;
    // end of Flag
};

/// What a customer is asked to pay by card.
struct PaymentRequest {
    /// Your own reference. Required. Never use one twice: the reference is the gateway's only
    /// protection against a repeated payment.
    std::string reference;
    /// The amount. Required.
    Amount amount;
    /// "CDF" or "USD". Required.
    std::string currency;
    /// What the payment is for, shown to the customer.
    std::optional<std::string> description;
    /// Where the gateway sends its callback. It refuses URLs on localhost or private networks.
    std::optional<std::string> callback_url;
    /// Where the customer's browser goes after the payment: http or https, or a link into your app.
    /// The next three fields accept the same.
    std::optional<std::string> approve_url;
    /// Where the browser goes after "cancel".
    std::optional<std::string> cancel_url;
    /// Where the browser goes if the card was declined.
    std::optional<std::string> decline_url;
    /// Your home page. Sent with Api::v1_1 only: Api::v1 has no such field.
    std::optional<std::string> home_url;
    /// An id of your own for this call, for its trace: 1 to 64 printable ASCII characters. It is not
    /// sent to the gateway.
    std::optional<std::string> correlation_id;
};

/// What a customer is asked to pay by mobile money.
struct MobileRequest {
    /// Your own reference, as in PaymentRequest. Required.
    std::string reference;
    /// The amount. Required.
    Amount amount;
    /// "CDF" or "USD". Required.
    std::string currency;
    /// The customer's number, as people write it: "0812345678", "+243 81 234 56 78". Required. See
    /// normalize_phone.
    std::string phone;
    /// Where the gateway sends its callback: an absolute http or https URL. Required. It refuses URLs
    /// on localhost or private networks.
    std::string callback_url;
    /// What the payment is for.
    std::optional<std::string> description;
    /// The URL after the payment: http or https, or a link into your app. The next three fields accept
    /// the same.
    std::optional<std::string> approve_url;
    /// The URL after "cancel".
    std::optional<std::string> cancel_url;
    /// The URL after a refusal.
    std::optional<std::string> decline_url;
    /// The URL to return to. One guide of the gateway calls it mandatory; live requests without it are
    /// accepted.
    std::optional<std::string> return_url;
    /// An id of your own for this call, for its trace: 1 to 64 printable ASCII characters. It is not
    /// sent to the gateway.
    std::optional<std::string> correlation_id;
};

/// Money to send to a mobile money account.
struct PayoutRequest {
    /// Your own reference. Required. Never use one twice, and never that of a payment.
    std::string reference;
    /// The amount. Required.
    Amount amount;
    /// "CDF" or "USD". Required.
    std::string currency;
    /// The beneficiary's number, as people write it: "0812345678", "+243 81 234 56 78". Required. See
    /// normalize_phone.
    std::string phone;
    /// Where the gateway sends its callback: an absolute http or https URL. Required. It refuses URLs
    /// on localhost or private networks.
    std::string callback_url;
    /// An id of your own for this call, for its trace: 1 to 64 printable ASCII characters. It is not
    /// sent to the gateway.
    std::optional<std::string> correlation_id;
};

/// A payment or a payout that the gateway accepted; the money has not moved yet.
struct Payment {
    /// Where to send the customer: an absolute https URL (http on this machine only), already
    /// checked. Absent if there is a page instead, and always after pay_mobile and payout.
    std::optional<std::string> redirect_url;
    /// The gateway's order number, for check and wait. Absent after pay with Api::v1; never absent
    /// after pay_mobile and payout.
    std::optional<std::string> order_number;
    /// The gateway's code, as received.
    std::optional<std::string> code;
    /// The gateway's message.
    std::optional<std::string> message;
    /// HTML to send to the customer's browser, if the gateway's page cannot be given as a URL (a
    /// form that submits itself).
    std::optional<std::string> page;
    /// What the call did, as JSON text: see Config::trace. Absent without that flag.
    std::optional<std::string> trace;
    /// Whether it comes from the journal, where an earlier call recorded it: nothing was sent now.
    /// It may be paid already: call Client::settle before you send the customer to redirect_url.
    bool is_recorded = false;
};

/// A transaction as the gateway reports it. A field that is absent from the reply, or unreadable,
/// is absent here.
struct Transaction {
    /// The state. Only State::paid means that the customer has paid or, for a payout, that the
    /// beneficiary has the money.
    State state = State::unknown;
    /// The status as the gateway wrote it.
    std::optional<std::string> status;
    /// The order number in the gateway's reply, or else the one that was checked.
    std::string order_number;
    /// Your reference. One live integration received the order number here instead.
    std::optional<std::string> reference;
    /// The requested amount, with two decimals: "50.00". Compare this one with your records.
    std::optional<std::string> amount;
    /// What the customer pays, fees included: "51.00".
    std::optional<std::string> amount_customer;
    /// The amount in hundredths: 5000.
    std::optional<std::int64_t> amount_minor;
    /// amount_customer in hundredths.
    std::optional<std::int64_t> amount_customer_minor;
    /// "CDF" or "USD", as the gateway wrote it.
    std::optional<std::string> currency;
    /// "2021-02-06T17:32:46". The gateway gives no time zone.
    std::optional<std::string> created_at;
    /// How it was paid (undocumented): "visa", "mastercard", "mpesa", ...
    std::optional<std::string> channel;
    /// The code of the reply. It says that the check was understood, never that anything was paid.
    std::optional<std::string> code;
    /// The gateway's message.
    std::optional<std::string> message;
    /// The reply as received.
    std::optional<std::string> raw;
    /// What the call did, as JSON text: see Config::trace. Absent without that flag.
    std::optional<std::string> trace;
};

/// The content of a callback. ANYONE who knows the URL can send one: trust nothing in it before
/// Client::verify_callback. Strings are as received; a field that is missing, empty or
/// null is absent here.
struct Callback {
    /// Whether the callback claims success. This is not verified.
    bool claims_success = false;
    /// "0": processed with success; anything else: not. If the callback has no code, its status;
    /// empty if it has neither.
    std::string code;
    /// Your reference.
    std::optional<std::string> reference;
    /// The operator's reference, on success.
    std::optional<std::string> provider_reference;
    /// The gateway's order number.
    std::optional<std::string> order_number;
    /// The amount, as written. This field and those up to message are observed, not documented.
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
    /// The gateway's message.
    std::optional<std::string> message;
    /// The body as received.
    std::string raw;
    /// Identifies the callback, to recognize a second delivery of it: 64 hexadecimal digits, a hash
    /// of the order number, the reference and the claimed result. All encoded forms of a callback
    /// have the same key. Record it only AFTER the callback was verified, together with the order's
    /// state, and only if that state is paid, refunding or refunded: in every other state verify a
    /// repeated callback again. A key that is recorded earlier would let a forged callback make the
    /// real one look like a repeat. With state_may_replace you do not need the key.
    std::string key;
};

/// An entry of the journal: one payment or payout.
struct Settlement {
    /// Your reference.
    std::string reference;
    /// The way the money goes.
    Kind kind = Kind::card;
    /// Only EntryState::paid means that the customer has paid or, for a payout, that the beneficiary
    /// has the money.
    EntryState state = EntryState::in_doubt;
    /// Whether this call changed the state or, for Client::journal_acknowledge, recorded that you
    /// deliver. Of several calls, only one gets true for each change.
    bool changed = false;
    /// Whether it is paid and not acknowledged yet: call Client::journal_acknowledge, then deliver.
    /// Never for a payout.
    bool to_deliver = false;
    /// Whether its state may still change: Client::reconcile asks about it.
    bool is_open = false;
    /// The amount of the request.
    std::string amount;
    /// The currency of the request.
    std::string currency;
    /// The phone number of the request, as the gateway receives it.
    std::optional<std::string> phone;
    /// The gateway's order number.
    std::optional<std::string> order_number;
    /// Another order that the gateway has under the same reference. If both were paid, give the
    /// money of one back.
    std::optional<std::string> other_order_number;
    /// Where to send the customer.
    std::optional<std::string> redirect_url;
    /// HTML to send to the customer's browser instead.
    std::optional<std::string> page;
    /// What was learnt last: a state ("PENDING"), or the name of an error ("NOT_FOUND").
    std::optional<std::string> last_answer;
    /// Who resolved it with Client::journal_resolve.
    std::optional<std::string> resolved_by;
    /// Why.
    std::optional<std::string> resolved_why;
    /// When it was made, in UTC, by this machine's clock: "2026-11-27T18:36:21Z".
    std::string created_at;
    /// When it was changed last.
    std::string changed_at;
    /// In a list of Client::reconcile: why nothing was learnt about this one now, "TIMEOUT: ...".
    std::optional<std::string> problem;
};

/// What Client::reconcile found.
struct Reconciliation {
    /// Every entry that was open, and every entry that is to be delivered, as they are now.
    std::vector<Settlement> settlements;
    /// Why it did not ask about every open entry. Absent if it did.
    std::optional<std::string> stopped;
};

/// Which entries Client::journal_list returns.
struct JournalQuery {
    /// Which entries.
    JournalFilter filter = JournalFilter::all;
    /// Only entries whose reference comes after this one, in the order of bytes: for the next page,
    /// the last reference of the page before. Empty: from the first.
    std::string after;
    /// How many at most. Default: 100.
    std::optional<std::uint32_t> limit;
};

/// What a person says about an entry of the journal.
struct Resolution {
    /// The reference of the entry. Required.
    std::string reference;
    /// The order number that the merchant's console shows for it. The state stays in_doubt until
    /// Client::settle has asked the gateway about that order. Absent if state is set.
    std::optional<std::string> order_number;
    /// not_sent: the console does not show the payment, and no program is sending it any more; the
    /// request may be sent again. failed or cancelled: it will not be paid. Absent if order_number is
    /// set. Any other state is refused: only the gateway can say paid.
    std::optional<EntryState> state;
    /// Who says so. Required; it is recorded.
    std::string who;
    /// Why. Required; it is recorded.
    std::string why;
};

/// What you asked for, from your own records: an order or a callback is compared with it.
struct Expected {
    /// The reference of the payment request. Required.
    std::string reference;
    /// Its amount. Required.
    Amount amount;
    /// Its currency. Required.
    std::string currency;
    /// The order number that the gateway gave. Set it if you recorded one: that order is then
    /// checked, whatever the callback says. Absent: the order number of the callback is checked.
    /// Required for Client::verify_order.
    std::optional<std::string> order_number;
    /// The query string of the HTTP request that carried the callback ("flexpay=1.abc"), with or
    /// without the "?". Required if the client has a callback_secret: the signature is verified
    /// before a check is sent.
    std::optional<std::string> query;
    /// The way the money goes. A callback URL is signed for one kind. A transaction that was paid by
    /// card is neither a mobile payment nor a payout. Beyond that, the gateway does not report the
    /// kind: to verify the callback of a payout, give order_number, or use a callback_secret.
    Kind kind = Kind::card;
    /// An id of your own for the verification, for its trace: 1 to 64 printable ASCII characters.
    /// Client::wait uses the one in its options.
    // Initialized, so that an Expected{...} that ends before it compiles without a warning.
    std::optional<std::string> correlation_id = std::nullopt;
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
using SettlementHandle = Handle<flexpay_settlement, flexpay_settlement_free>;
using SettlementsHandle = Handle<flexpay_settlements, flexpay_settlements_free>;
using TextHandle = Handle<flexpay_text, flexpay_text_free>;

inline Error invalid(const char* field, const std::string& problem) {
    return Error(Result::invalid, Outcome::not_sent, std::string(field) + ": " + problem, field);
}

/// Refuses a library with another ABI version: its structs and codes may be different.
inline void require_abi() {
    const std::int32_t found = flexpay_abi_version();
    if (found != FLEXPAY_ABI_VERSION) {
        throw Error(Result::internal, Outcome::not_sent,
                    "the libflexpay that is loaded has ABI version " + std::to_string(found) +
                        ", but this program was built with flexpay.h of ABI version " +
                        std::to_string(FLEXPAY_ABI_VERSION));
    }
}

/// Throws the error of a C function that failed.
inline void throw_failure(flexpay_result result, const ErrorHandle& failure) {
    if (result == FLEXPAY_OK) {
        return;
    }
    if (!failure) {
        // The library promises an error object. Without one, the outcome is not known.
        throw Error(static_cast<Result>(result), Outcome::unknown, flexpay_result_name(result));
    }
    throw Error(*failure);
}

/// Calls a C function with its last two parameters. Returns the object it made, or throws its
/// error.
template <typename Made, typename Function>
Made receive(Function function) {
    require_abi();
    typename Made::pointer made = nullptr;
    flexpay_error* failure = nullptr;
    const flexpay_result result = function(&made, &failure);
    Made owned_made(made);
    const ErrorHandle owned_failure(failure);
    throw_failure(result, owned_failure);
    return owned_made;
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

/// The string for C. A NUL inside it is refused: C would silently cut the string there.
inline const char* c_text(const std::string& text, const char* field) {
    if (text.find('\0') != std::string::npos) {
        throw invalid(field, "contains a NUL byte");
    }
    return text.c_str();
}

inline const char* c_text(const std::optional<std::string>& text, const char* field) {
    return text ? c_text(*text, field) : nullptr;
}

/// The duration for C, in which 0 means the default. 0 is refused here: a caller that computes the
/// remaining time, and has none left, must not get the default of ten minutes.
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

/// The struct for C. Its pointers are valid as long as `from`.
inline flexpay_expected c_expected(const Expected& from) {
    flexpay_expected to = FLEXPAY_EXPECTED_INIT;
    to.reference = c_text(from.reference, "reference");
    to.amount = c_text(from.amount.text(), "amount");
    to.currency = c_text(from.currency, "currency");
    to.order_number = c_text(from.order_number, "order_number");
    to.query = c_text(from.query, "query");
    to.kind = static_cast<std::int32_t>(from.kind);
    to.correlation_id = c_text(from.correlation_id, "correlation_id");
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
    to.trace = optional_text(from.trace);
    return to;
}

inline Payment copy(const flexpay_payment& from) {
    Payment to;
    to.redirect_url = optional_text(from.redirect_url);
    to.order_number = optional_text(from.order_number);
    to.code = optional_text(from.code);
    to.message = optional_text(from.message);
    to.page = optional_text(from.page);
    to.trace = optional_text(from.trace);
    to.is_recorded = from.is_recorded == 1;
    return to;
}

inline Settlement copy(const flexpay_settlement& from) {
    Settlement to;
    to.reference = text(from.reference);
    to.kind = static_cast<Kind>(from.kind);
    to.state = static_cast<EntryState>(from.state);
    to.changed = from.changed == 1;
    to.to_deliver = from.to_deliver == 1;
    to.is_open = from.is_open == 1;
    to.amount = text(from.amount);
    to.currency = text(from.currency);
    to.phone = optional_text(from.phone);
    to.order_number = optional_text(from.order_number);
    to.other_order_number = optional_text(from.other_order_number);
    to.redirect_url = optional_text(from.redirect_url);
    to.page = optional_text(from.page);
    to.last_answer = optional_text(from.last_answer);
    to.resolved_by = optional_text(from.resolved_by);
    to.resolved_why = optional_text(from.resolved_why);
    to.created_at = text(from.created_at);
    to.changed_at = text(from.changed_at);
    to.problem = optional_text(from.problem);
    return to;
}

inline Reconciliation copy(const flexpay_settlements& from) {
    Reconciliation to;
    to.settlements.reserve(from.count);
    for (std::size_t at = 0; at < from.count; ++at) {
        to.settlements.push_back(copy(*from.items[at]));
    }
    to.stopped = optional_text(from.stopped);
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
          detail::optional_text(error.trace),
      })) {
}

/// Ends a Client::wait, settle or reconcile from another thread or from a signal handler. It can be
/// moved, but not copied: share it by reference.
class CancelToken {
public:
    /// Creates a token that is not cancelled. Throws Error: internal. Does not block.
    CancelToken()
        : handle_(detail::receive<detail::CancelHandle>(
              [](auto** token, auto** error) { return flexpay_cancel_token_new(token, error); })) {
    }

    /// Cancels every wait that uses this token: it ends with Result::cancelled within 50 ms, and so
    /// does a wait that starts with the token later. One atomic store: safe in a signal handler.
    /// Does nothing on a moved-from token.
    void cancel() const noexcept {
        flexpay_cancel_token_cancel(handle_.get());
    }

    /// The C object, for your own calls of flexpay.h. The token owns it: do not free it. Null on a
    /// moved-from token.
    [[nodiscard]] const flexpay_cancel_token* get() const noexcept {
        return handle_.get();
    }

private:
    detail::CancelHandle handle_;
};

/// How to wait. An option that is not set has the library's default.
///
/// The defaults depend on the kind of expected: flexpay_wait_options in flexpay.h explains them.
struct WaitOptions {
    /// The time limit of the whole wait. Default: 10 min; 5 min for a mobile payment.
    std::optional<std::chrono::milliseconds> timeout;
    /// The pause before the second check. It grows by half each time. Default: 1 s; 2 s for a mobile
    /// payment.
    std::optional<std::chrono::milliseconds> interval;
    /// The longest pause. Default: 10 s; 5 s for a mobile payment.
    std::optional<std::chrono::milliseconds> max_interval;
    /// How long the gateway must keep reporting "failed" before the wait returns it: it may report
    /// "failed" while the customer is still typing, and "paid" afterwards. The same for
    /// "cancelled", "refunding" and "refunded". Default: 30 s; 90 s for a mobile payment, 5 min for a
    /// payout.
    std::optional<std::chrono::milliseconds> failed_grace;
    /// Ends the wait from another thread or a signal handler. May be null. You own the token: it
    /// must exist until the wait has returned.
    const CancelToken* cancel = nullptr;
    /// What you asked for. The wait then returns only that payment: another reference, amount,
    /// currency or kind ends it with Result::mismatch. If its order_number is set, it must be the one you
    /// wait for; set it if it is from your records. Its query is not used. Absent: nothing is
    /// compared, and you must compare reference, amount and currency yourself.
    std::optional<Expected> expected;
    /// An id of your own for this call, for its trace: 1 to 64 printable ASCII characters.
    std::optional<std::string> correlation_id;
};

/// How to reconcile.
struct ReconcileOptions {
    /// The time limit: no further order is asked about after it. Default: 5 min.
    std::optional<std::chrono::milliseconds> timeout;
    /// Ends it from another thread or a signal handler. May be null. You own the token: it must exist
    /// until the call has returned.
    const CancelToken* cancel = nullptr;
};

/// A client for one merchant. Create one and share it by reference: several threads may call it at
/// the same time. It can be moved, but not copied. A call on a moved-from client throws Error:
/// invalid, field "client". It keeps working in a forked child; a journal does not (see flexpay.h).
class Client {
public:
    /// Creates a client with a copy of these settings. Checks the settings and reads the CA file.
    /// Sends nothing. Throws Error: invalid (field() names the setting), internal (also if the
    /// loaded library has another ABI version than this header). Does not block, except to read
    /// certificate files.
    explicit Client(const Config& config) : handle_(create(config)) {
    }

    /// Creates a client from environment variables: FLEXPAY_MERCHANT, FLEXPAY_TOKEN,
    /// FLEXPAY_ENVIRONMENT ("live", "test"), FLEXPAY_API ("v1", "v1.1"), FLEXPAY_PAY_URL,
    /// FLEXPAY_CHECK_URL, FLEXPAY_MOBILE_URL, FLEXPAY_PAYOUT_URL, FLEXPAY_TIMEOUT_MS,
    /// FLEXPAY_CONNECT_TIMEOUT_MS, FLEXPAY_CA_FILE, FLEXPAY_PROXY, FLEXPAY_APP_NAME,
    /// FLEXPAY_CALLBACK_SECRET, FLEXPAY_CALLBACK_SECRET_PREVIOUS, FLEXPAY_JOURNAL, and
    /// FLEXPAY_ALLOW_PLAIN_HTTP, FLEXPAY_CHECK_ONCE, FLEXPAY_SYSTEM_ROOTS,
    /// FLEXPAY_PRIVATE_CONNECTIONS, FLEXPAY_ALLOW_PAYOUT and FLEXPAY_TRACE ("0", "1"). Only the first
    /// two are required. Throws Error: as the constructor; field() names the variable or setting. Do
    /// not call it while another thread changes the environment. Does not block, except to read
    /// certificate files.
    [[nodiscard]] static Client from_environment() {
        return Client(detail::receive<detail::ClientHandle>(
            [](auto** client, auto** error) { return flexpay_client_from_env(client, error); }));
    }

    /// Sends a request for a payment by card, AT MOST ONCE in every case. The error's outcome() says
    /// whether you may repeat it. Throws Error: invalid, resolve, connect, proxy, tls, timeout,
    /// connection, reply, gateway, unauthorized, refused, internal; with a journal also journal,
    /// in_progress, in_doubt. Blocks up to the client's timeout and, if another program is writing to
    /// the journal, up to 10 s before the request is sent and up to 60 s after the reply.
    ///
    /// Do not discard the result: it has the URL that the customer must open. If memory runs out
    /// while the result is copied (std::bad_alloc), the payment still exists at the gateway.
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
        given.correlation_id = detail::c_text(request.correlation_id, "correlation_id");
        const flexpay_client* client = require_client();
        return detail::copy(*detail::receive<detail::PaymentHandle>([&](auto** made, auto** error) {
            return flexpay_pay(client, &given, made, error);
        }));
    }

    /// Sends a request for a payment by mobile money (M-Pesa, Orange Money, Airtel Money, Afrimoney),
    /// AT MOST ONCE in every case. The error's outcome() says whether you may repeat it. Throws Error:
    /// as pay. Blocks up to the client's timeout.
    ///
    /// The customer receives a message on the phone, and confirms with a PIN: there is no page. Then
    /// call wait, with an expected of Kind::mobile.
    ///
    /// Do not discard the result: it has the order number. If memory runs out while the result is
    /// copied (std::bad_alloc), the payment still exists at the gateway.
    [[nodiscard]] Payment pay_mobile(const MobileRequest& request) const {
        flexpay_mobile_request given = FLEXPAY_MOBILE_REQUEST_INIT;
        given.reference = detail::c_text(request.reference, "reference");
        given.amount = detail::c_text(request.amount.text(), "amount");
        given.currency = detail::c_text(request.currency, "currency");
        given.phone = detail::c_text(request.phone, "phone");
        given.callback_url = detail::c_text(request.callback_url, "callback_url");
        given.description = detail::c_text(request.description, "description");
        given.approve_url = detail::c_text(request.approve_url, "approve_url");
        given.cancel_url = detail::c_text(request.cancel_url, "cancel_url");
        given.decline_url = detail::c_text(request.decline_url, "decline_url");
        given.return_url = detail::c_text(request.return_url, "return_url");
        given.correlation_id = detail::c_text(request.correlation_id, "correlation_id");
        const flexpay_client* client = require_client();
        return detail::copy(*detail::receive<detail::PaymentHandle>([&](auto** made, auto** error) {
            return flexpay_pay_mobile(client, &given, made, error);
        }));
    }

    /// Sends your money to a mobile money account, AT MOST ONCE in every case. A repeated payout gives
    /// the money away: if the call fails, the error's outcome() says whether you may repeat it. Throws
    /// Error: as pay. Without Config::allow_payout it throws invalid, field "allow_payout": set it only
    /// in the program that makes payouts. Blocks up to the client's timeout.
    ///
    /// If it returns, the gateway accepted the payout. The beneficiary has the money when verify_order,
    /// with an expected of Kind::payout, returns State::paid.
    ///
    /// Do not discard the result: it has the order number. If memory runs out while the result is
    /// copied (std::bad_alloc), the payout still exists at the gateway.
    [[nodiscard]] Payment payout(const PayoutRequest& request) const {
        flexpay_payout_request given = FLEXPAY_PAYOUT_REQUEST_INIT;
        given.reference = detail::c_text(request.reference, "reference");
        given.amount = detail::c_text(request.amount.text(), "amount");
        given.currency = detail::c_text(request.currency, "currency");
        given.phone = detail::c_text(request.phone, "phone");
        given.callback_url = detail::c_text(request.callback_url, "callback_url");
        given.correlation_id = detail::c_text(request.correlation_id, "correlation_id");
        const flexpay_client* client = require_client();
        return detail::copy(*detail::receive<detail::PaymentHandle>([&](auto** made, auto** error) {
            return flexpay_payout(client, &given, made, error);
        }));
    }

    /// Checks an order. A check changes nothing, so it retries after a broken connection or a
    /// gateway failure, within the deadline (not with Config::check_once). If it returns, the order
    /// was found; the state says whether it is paid. Without an order number, as after a payment
    /// with Api::v1, it throws invalid. Throws Error: as pay, and not_found. Blocks up to the
    /// client's timeout.
    [[nodiscard]] Transaction check(std::optional<std::string_view> order_number) const {
        const std::string order(order_number.value_or(std::string_view()));
        const char* given = order_number ? detail::c_text(order, "order_number") : nullptr;
        const flexpay_client* client = require_client();
        return detail::copy(
            *detail::receive<detail::TransactionHandle>([&](auto** made, auto** error) {
                return flexpay_check(client, given, made, error);
            }));
    }

    /// Waits for the final state of an order: checks it repeatedly, with growing pauses, until the
    /// state is final, the time is up, or the wait is cancelled. Paid ends it at once. Failed,
    /// cancelled, refunding and refunded end it after the gateway has reported the same state for
    /// options.failed_grace: the gateway can still report paid later (see State::failed). The wait
    /// continues if the order is not found (yet), the check is refused, the gateway fails or the
    /// connection breaks. A refused token ends it. Without an
    /// order number, as after a payment with Api::v1, it throws invalid; what() says why. Throws
    /// Error: invalid, timeout (what() has the last state or error seen), cancelled, mismatch (with
    /// options.expected), unauthorized, tls, internal. Blocks up to options.timeout.
    [[nodiscard]] Transaction wait(std::optional<std::string_view> order_number,
                                   const WaitOptions& options = WaitOptions()) const {
        const std::string order(order_number.value_or(std::string_view()));
        const char* given = order_number ? detail::c_text(order, "order_number") : nullptr;
        flexpay_wait_options how = c_wait_options(options);
        flexpay_expected expected = FLEXPAY_EXPECTED_INIT;
        if (options.expected) {
            expected = detail::c_expected(*options.expected);
            how.expected = &expected;
        }
        const flexpay_client* client = require_client();
        return detail::copy(
            *detail::receive<detail::TransactionHandle>([&](auto** made, auto** error) {
                return flexpay_wait(client, given, &how, made, error);
            }));
    }

    /// Verifies a callback: parses `body`, as received, checks its order with the gateway, and
    /// compares reference, amount, currency and kind with what you asked for. If it returns, this
    /// transaction IS the one you asked for. Its state says whether it is paid: mark an order as
    /// paid only on State::paid. If the client has a callback_secret, expected.query must contain
    /// its signature; if it does not, no check is sent. Throws Error: callback, mismatch (the
    /// callback is not about the expected payment), and those of check. Blocks up to the client's
    /// timeout.
    [[nodiscard]] Transaction verify_callback(std::string_view body,
                                              const Expected& expected) const {
        const flexpay_expected given = detail::c_expected(expected);
        const flexpay_client* client = require_client();
        return detail::copy(
            *detail::receive<detail::TransactionHandle>([&](auto** made, auto** error) {
                return flexpay_verify_callback(client, detail::c_bytes(body), body.size(), &given,
                                               made, error);
            }));
    }

    /// Verifies an order without a callback: checks expected.order_number, from your records
    /// (required here), with the gateway, and compares reference, amount, currency and kind with what
    /// you asked for. If it returns, this transaction IS the one you asked for. Its state says whether
    /// it is paid: mark an order as paid only on State::paid. expected.query and the client's
    /// callback_secret are not used. Throws Error: mismatch (it is another payment), and those of
    /// check. Blocks up to the client's timeout.
    [[nodiscard]] Transaction verify_order(const Expected& expected) const {
        const flexpay_expected given = detail::c_expected(expected);
        const flexpay_client* client = require_client();
        return detail::copy(
            *detail::receive<detail::TransactionHandle>([&](auto** made, auto** error) {
                return flexpay_verify_order(client, &given, made, error);
            }));
    }

    /// Finds out what became of a payment or payout of the journal: asks the gateway about its order,
    /// compares reference, amount, currency and kind with the entry, and records the state. If the
    /// order number is not known, the gateway cannot be asked: the entry is returned as it is. Throws
    /// Error: journal, and those of verify_order. Blocks up to the client's timeout, and up to 10 s if
    /// another program is writing to the journal.
    [[nodiscard]] Settlement settle(std::string_view reference) const {
        return settle_with(reference, nullptr);
    }

    /// The same, but waits for the final state as wait does. Compares with the entry, and not with
    /// options.expected. Throws Error: journal, and those of wait. Blocks up to options.timeout, and
    /// as above for the journal.
    [[nodiscard]] Settlement settle(std::string_view reference, const WaitOptions& options) const {
        const flexpay_wait_options how = c_wait_options(options);
        return settle_with(reference, &how);
    }

    /// Finds out what became of the payment or payout that a callback is about: finds its entry in the
    /// journal, asks the gateway, compares as verify_callback does, and records the state. `query` is
    /// the query string of the HTTP request that carried the callback: required if the client has a
    /// callback_secret. Reply with HTTP 200 after success. After Result::invalid with field
    /// "reference" the payment is not in this journal: reply with 404 and log it. Throws Error:
    /// journal, and those of verify_callback. Blocks as settle without options.
    [[nodiscard]] Settlement settle_callback(
        std::string_view body, const std::optional<std::string>& query = std::nullopt) const {
        const char* given = detail::c_text(query, "query");
        return settlement([&](auto* client, auto** made, auto** error) {
            return flexpay_settle_callback(client, detail::c_bytes(body), body.size(), given, made,
                                           error);
        });
    }

    /// Finds out what became of every open entry of the journal. Call it when the program starts, and
    /// every few minutes. If the gateway cannot be reached, the time is over or the call was
    /// cancelled, it returns, and `stopped` says why. Throws Error: journal, invalid, internal. Blocks
    /// up to options.timeout and the client's timeout together.
    [[nodiscard]] Reconciliation reconcile(
        const ReconcileOptions& options = ReconcileOptions()) const {
        flexpay_reconcile_options how = FLEXPAY_RECONCILE_OPTIONS_INIT;
        how.timeout_ms = detail::c_milliseconds(options.timeout, "timeout");
        how.cancel = c_token(options.cancel);
        const flexpay_client* client = require_client();
        return detail::copy(
            *detail::receive<detail::SettlementsHandle>([&](auto** made, auto** error) {
                return flexpay_reconcile(client, &how, made, error);
            }));
    }

    /// Returns the entry of a reference, as it is recorded. Sends nothing. Throws Error: journal,
    /// invalid (field "reference": the journal does not have it), internal. Blocks up to 10 s if
    /// another program is writing to the journal.
    [[nodiscard]] Settlement journal_get(std::string_view reference) const {
        const std::string copied(reference);
        const char* given = detail::c_text(copied, "reference");
        return settlement([&](auto* client, auto** made, auto** error) {
            return flexpay_journal_get(client, given, made, error);
        });
    }

    /// Lists entries, in the order of their references. Throws Error: journal, invalid, internal.
    /// Blocks as journal_get.
    [[nodiscard]] std::vector<Settlement> journal_list(
        const JournalQuery& query = JournalQuery()) const {
        flexpay_journal_query given = FLEXPAY_JOURNAL_QUERY_INIT;
        given.filter = static_cast<std::int32_t>(query.filter);
        given.after = detail::c_text(query.after, "after");
        given.limit = query.limit.value_or(0);
        if (query.limit && *query.limit == 0) {
            throw detail::invalid("limit", "is 0; leave it out for the default");
        }
        const flexpay_client* client = require_client();
        return detail::copy(
                   *detail::receive<detail::SettlementsHandle>([&](auto** made, auto** error) {
                       return flexpay_journal_list(client, &given, made, error);
                   }))
            .settlements;
    }

    /// Records that you deliver what was paid. Deliver if the result's `changed` is true: of all calls
    /// for one reference, only the first one gets that. Throws Error: journal, invalid (the entry is
    /// not paid), internal. Blocks as journal_get.
    [[nodiscard]] Settlement journal_acknowledge(std::string_view reference) const {
        const std::string copied(reference);
        const char* given = detail::c_text(copied, "reference");
        return settlement([&](auto* client, auto** made, auto** error) {
            return flexpay_journal_acknowledge(client, given, made, error);
        });
    }

    /// Records what a person says about an entry, and who says it and why. Throws Error: journal,
    /// invalid (field "state": the entry's state does not allow it), in_progress, internal. Blocks as
    /// journal_get.
    Settlement journal_resolve(const Resolution& resolution) const {
        flexpay_resolution given = FLEXPAY_RESOLUTION_INIT;
        given.reference = detail::c_text(resolution.reference, "reference");
        given.order_number = detail::c_text(resolution.order_number, "order_number");
        given.state = resolution.state ? static_cast<std::int32_t>(*resolution.state) : 0;
        given.who = detail::c_text(resolution.who, "who");
        given.why = detail::c_text(resolution.why, "why");
        return settlement([&](auto* client, auto** made, auto** error) {
            return flexpay_journal_resolve(client, &given, made, error);
        });
    }

    /// Removes old entries: those that are neither open nor to be delivered, and that were not changed
    /// for `days` days, by this machine's clock. Their references stay used: a payment with one of
    /// them is invalid. Returns how many were removed. Throws Error: journal, invalid, internal.
    /// Blocks until they are removed.
    std::uint64_t journal_prune(std::uint32_t days) const {
        const flexpay_client* client = require_client();
        detail::require_abi();
        std::uint64_t removed = 0;
        flexpay_error* failure = nullptr;
        const flexpay_result result = flexpay_journal_prune(client, days, &removed, &failure);
        const detail::ErrorHandle owned_failure(failure);
        detail::throw_failure(result, owned_failure);
        return removed;
    }

    /// The C object, for your own calls of flexpay.h. The client owns it: do not free it. Null on a
    /// moved-from client.
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
        given.mobile_url = detail::c_text(config.mobile_url, "mobile_url");
        given.payout_url = detail::c_text(config.payout_url, "payout_url");
        given.timeout_ms = detail::c_milliseconds(config.timeout, "timeout");
        given.connect_timeout_ms = detail::c_milliseconds(config.connect_timeout, "connect_timeout");
        given.ca_file = detail::c_text(config.ca_file, "ca_file");
        given.proxy = detail::c_text(config.proxy, "proxy");
        given.app_name = detail::c_text(config.app_name, "app_name");
        given.callback_secret = detail::c_text(config.callback_secret, "callback_secret");
        given.callback_secret_previous =
            detail::c_text(config.callback_secret_previous, "callback_secret_previous");
        given.journal = detail::c_text(config.journal, "journal");
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
        if (config.allow_payout) {
            given.flags |= FLEXPAY_FLAG_ALLOW_PAYOUT;
        }
        if (config.trace) {
            given.flags |= FLEXPAY_FLAG_TRACE;
        }
        return detail::receive<detail::ClientHandle>([&](auto** client, auto** error) {
            return flexpay_client_new(&given, client, error);
        });
    }

    /// The token for C. For C, NULL means "no token": the call could not be cancelled.
    static const flexpay_cancel_token* c_token(const CancelToken* token) {
        if (token == nullptr) {
            return nullptr;
        }
        if (token->get() == nullptr) {
            throw detail::invalid("cancel", "this CancelToken was moved from");
        }
        return token->get();
    }

    /// The struct for C, without expected. Its pointers are valid as long as `options`.
    static flexpay_wait_options c_wait_options(const WaitOptions& options) {
        flexpay_wait_options how = FLEXPAY_WAIT_OPTIONS_INIT;
        how.timeout_ms = detail::c_milliseconds(options.timeout, "timeout");
        how.interval_ms = detail::c_milliseconds(options.interval, "interval");
        how.max_interval_ms = detail::c_milliseconds(options.max_interval, "max_interval");
        how.failed_grace_ms = detail::c_milliseconds(options.failed_grace, "failed_grace");
        how.cancel = c_token(options.cancel);
        how.correlation_id = detail::c_text(options.correlation_id, "correlation_id");
        return how;
    }

    Settlement settle_with(std::string_view reference, const flexpay_wait_options* wait) const {
        const std::string copied(reference);
        const char* given = detail::c_text(copied, "reference");
        return settlement([&](auto* client, auto** made, auto** error) {
            return flexpay_settle(client, given, wait, made, error);
        });
    }

    /// Calls a C function that makes a settlement.
    template <typename Function>
    Settlement settlement(Function function) const {
        const flexpay_client* client = require_client();
        return detail::copy(
            *detail::receive<detail::SettlementHandle>([&](auto** made, auto** error) {
                return function(client, made, error);
            }));
    }

    const flexpay_client* require_client() const {
        if (!handle_) {
            throw detail::invalid("client", "this Client was moved from and can do nothing");
        }
        return handle_.get();
    }

    detail::ClientHandle handle_;
};

/// Parses a callback body, JSON or form, as received. Verifies nothing, and does not use the
/// network: see Client::verify_callback. Throws Error: callback (more than 64 KiB, or unreadable),
/// internal. Does not block.
[[nodiscard]] inline Callback parse_callback(std::string_view body) {
    return detail::copy(*detail::receive<detail::CallbackHandle>([&](auto** made, auto** error) {
        return flexpay_parse_callback(detail::c_bytes(body), body.size(), made, error);
    }));
}

/// Converts a phone number of the DR Congo, as people write it, to "243" and nine digits, as
/// Client::pay_mobile and Client::payout send it. They do it themselves: call this to check what
/// somebody typed, or to compare numbers.
///
/// Accepted are "+243...", "00243..." and "243..." with nine more digits, and "0" with nine more
/// digits. Blanks, dots, dashes, brackets and invisible characters are removed. Only the gateway
/// knows which operator a number belongs to. Throws Error: invalid (field "phone"), internal. Does
/// not block.
[[nodiscard]] inline std::string normalize_phone(std::string_view phone) {
    detail::require_abi();
    const std::string given(phone);
    char normalized[FLEXPAY_PHONE_SIZE];
    flexpay_error* failure = nullptr;
    const flexpay_result result = flexpay_normalize_phone(
        detail::c_text(given, "phone"), normalized, sizeof normalized, &failure);
    const detail::ErrorHandle owned_failure(failure);
    detail::throw_failure(result, owned_failure);
    return normalized;
}

/// The rule of the journal, for a shop that keeps the entries in a database of its own: takes an
/// entry and an event, and returns the new entry and what to do now, both as JSON text. Sends nothing
/// and stores nothing. docs/journal.md describes the request and the reply. Throws Error: invalid
/// (field "request"), internal. Does not block.
[[nodiscard]] inline std::string journal_step(std::string_view request) {
    const std::string copied(request);
    const char* given = detail::c_text(copied, "request");
    return detail::text(
        detail::receive<detail::TextHandle>([&](auto** made, auto** error) {
            return flexpay_journal_step(given, made, error);
        })->text);
}

}  // namespace flexpay

#endif  // FLEXPAY_HPP
