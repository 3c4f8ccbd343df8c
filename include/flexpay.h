/*
 * flexpay.h: payments through FlexPay, the card gateway of the DR Congo.
 *
 * Written by cbindgen from src/ffi. Do not edit: change it there, and run `make header`.
 *
 * The rules, for every function here:
 *
 * - A function that can fail returns a flexpay_result: FLEXPAY_OK, or one of FLEXPAY_ERROR_*. Its
 *   result goes through the last but one parameter and, on failure, an error through the last.
 *   Both are set to NULL first; either may be NULL where you do not want it.
 * - What you receive is read-only, yours, and freed with its own flexpay_..._free, once. NULL may
 *   be freed.
 * - What you hand in stays yours and is borrowed for the call alone. Structs begin with their
 *   _INIT macro. Strings are NUL-terminated UTF-8; NULL means absent.
 * - A client and a cancel token may be used by many threads at once. A result belongs to one
 *   thread at a time.
 * - The _free functions, the names and the versions never block, and any thread may call them.
 * - A call returns, always: do not pthread_cancel a thread inside of one, nor longjmp out of it. A
 *   flexpay_cancel_token ends a wait.
 * - A thread that calls needs 48 KiB of stack (a TLS handshake takes most of it); 64 KiB are tested.
 * - Out of memory ends the process, as in most programs; nothing else of this library does.
 * - Amounts are decimal text, and hundredths in int64_t. There is no float.
 * - New fields are only ever appended to structs, and new codes and states may come.
 *
 * A callback is a hint: ANYONE can post one. Take flexpay_verify_callback's word, not the
 * callback's. Without a callback, take flexpay_verify_order's.
 */


#ifndef FLEXPAY_H
#define FLEXPAY_H

#include <stddef.h>
#include <stdint.h>

/* The version of this header; flexpay_version() gives that of the library. */
#define FLEXPAY_VERSION "0.1.0"
#define FLEXPAY_VERSION_MAJOR 0
#define FLEXPAY_VERSION_MINOR 1
#define FLEXPAY_VERSION_PATCH 0

/*
 * Begin every struct you fill in with its macro: it sets the size and leaves the rest zero.
 *
 *     flexpay_config config = FLEXPAY_CONFIG_INIT;
 */
#ifdef __cplusplus
extern "C++" {
template <typename T> inline T flexpay_init() {
    T value = T();
    value.size = sizeof(T);
    return value;
}
}
#define FLEXPAY_CONFIG_INIT flexpay_init<flexpay_config>()
#define FLEXPAY_PAYMENT_REQUEST_INIT flexpay_init<flexpay_payment_request>()
#define FLEXPAY_WAIT_OPTIONS_INIT flexpay_init<flexpay_wait_options>()
#define FLEXPAY_EXPECTED_INIT flexpay_init<flexpay_expected>()
#else
#define FLEXPAY_CONFIG_INIT { .size = sizeof(flexpay_config) }
#define FLEXPAY_PAYMENT_REQUEST_INIT { .size = sizeof(flexpay_payment_request) }
#define FLEXPAY_WAIT_OPTIONS_INIT { .size = sizeof(flexpay_wait_options) }
#define FLEXPAY_EXPECTED_INIT { .size = sizeof(flexpay_expected) }
#endif

// The call succeeded.
#define FLEXPAY_OK 0

// An argument or a setting is invalid. Nothing was sent. The error names the field.
#define FLEXPAY_ERROR_INVALID 1

// A bug in this library.
#define FLEXPAY_ERROR_INTERNAL 2

// The host name could not be resolved.
#define FLEXPAY_ERROR_RESOLVE 3

// No connection could be made.
#define FLEXPAY_ERROR_CONNECT 4

// The proxy refused the connection, or failed.
#define FLEXPAY_ERROR_PROXY 5

// The TLS handshake failed: the certificate is not trusted, is not valid now, or is for another
// host.
#define FLEXPAY_ERROR_TLS 6

// The deadline passed.
#define FLEXPAY_ERROR_TIMEOUT 7

// The wait was cancelled.
#define FLEXPAY_ERROR_CANCELLED 8

// The connection broke after the request had begun.
#define FLEXPAY_ERROR_CONNECTION 9

// The reply cannot be read, or contradicts itself.
#define FLEXPAY_ERROR_REPLY 10

// The gateway failed: HTTP 5xx, 408, 429, or a status it does not document.
#define FLEXPAY_ERROR_GATEWAY 11

// The gateway did not accept the token (HTTP 401 or 403).
#define FLEXPAY_ERROR_UNAUTHORIZED 12

// The gateway refused the request. The error has the gateway's message.
#define FLEXPAY_ERROR_REFUSED 13

// The gateway has no such order. For a moment after a payment request this is normal.
#define FLEXPAY_ERROR_NOT_FOUND 14

// The callback's body cannot be read.
#define FLEXPAY_ERROR_CALLBACK 15

// The transaction is not the expected one. The error's message names each field that differs.
#define FLEXPAY_ERROR_MISMATCH 16

// A part of the request was sent, and no usable reply was received. Do NOT repeat a payment before
// you know its state: by the callback, a check, or the merchant's console.
#define FLEXPAY_OUTCOME_UNKNOWN 0

// Nothing of the request left this machine. It may be repeated, but fix an invalid argument or
// setting first.
#define FLEXPAY_OUTCOME_NOT_SENT 1

// The gateway refused the request. Repeat it only after fixing the cause.
#define FLEXPAY_OUTCOME_REFUSED 2

// cardpayment.flexpay.cd and backend.flexpay.cd.
#define FLEXPAY_ENV_LIVE 0

// beta-cardpayment.flexpay.cd and beta-backend.flexpay.cd.
#define FLEXPAY_ENV_TEST 1

// /v1/pay, as documented: a form. Its reply has no order number.
#define FLEXPAY_API_V1 0

// /v1.1/pay: JSON. Its reply has the order number, which a check and a wait need. The live gateway
// refuses a request without callback, approve, cancel and decline addresses.
#define FLEXPAY_API_V1_1 1

// The status is not in the gateway's table: neither paid nor failed.
#define FLEXPAY_STATE_UNKNOWN 0

// The customer has paid.
#define FLEXPAY_STATE_PAID 1

// The payment failed. It may still become PAID for a while: the gateway reports a failure while
// the customer is still typing.
#define FLEXPAY_STATE_FAILED 2

// The customer has not acted yet.
#define FLEXPAY_STATE_PENDING 3

// A refund has begun.
#define FLEXPAY_STATE_REFUNDING 4

// The money was returned.
#define FLEXPAY_STATE_REFUNDED 5

// The customer cancelled.
#define FLEXPAY_STATE_CANCELLED 6

// Allows plain http to other machines: the token is then sent unencrypted.
#define FLEXPAY_FLAG_ALLOW_PLAIN_HTTP 1

// A check sends one request, and does not retry: for callers that retry themselves. The request is
// still sent a second time, over a new connection, if an idle connection gave no reply, or a reply
// that may belong to another request.
#define FLEXPAY_FLAG_CHECK_ONCE 2

// Trusts the system's certificates instead of the built-in ones: for networks whose proxy or
// firewall has its own certificate authority. They are read when the client is made, from
// SSL_CERT_FILE and SSL_CERT_DIR, or from the system's usual places. Cannot be used with ca_file.
#define FLEXPAY_FLAG_SYSTEM_ROOTS 4

// Gives the client its own connections and TLS sessions. Otherwise the clients of one process that
// use the same check service, proxy and certificates share them, and they stay open when a client
// is freed: a PHP page then uses the connection of the page before. The token is never shared.
#define FLEXPAY_FLAG_PRIVATE_CONNECTIONS 8

// The size of a callback's key, its NUL included.
#define FLEXPAY_CALLBACK_KEY_SIZE 65

// The version of this ABI that the header describes. A binding compares it with
// flexpay_abi_version() and refuses a library it was not written for.
#define FLEXPAY_ABI_VERSION 1

// Ends a flexpay_wait from another thread or from a signal handler. Opaque, thread-safe.
typedef struct flexpay_cancel_token flexpay_cancel_token;

// A client for one merchant. Opaque. Thread-safe: make one and share it. It works on in a forked
// child, with connections of its own.
typedef struct flexpay_client flexpay_client;

// Why a call failed. Strings are UTF-8, NULL where absent, and live as long as the object. The
// token is never in it.
typedef struct flexpay_error {
    // One of FLEXPAY_ERROR_*.
    int32_t code;
    // One of FLEXPAY_OUTCOME_*: may the request of the call that failed be repeated? Only
    // flexpay_pay sends a payment: that a check was not sent says nothing of the payment.
    int32_t outcome;
    // The HTTP status of the gateway's answer, 0 when there was none.
    int32_t http_status;
    // For a person, in English: what went wrong and, where that is known, what to do next. After
    // FLEXPAY_OUTCOME_UNKNOWN it says which order number or reference to look up. Never NULL.
    const char *message;
    // The name of the field at fault ("amount"), where one was.
    const char *field;
    // The gateway's own code.
    const char *gateway_code;
    // The gateway's own words, in French mostly.
    const char *gateway_message;
    // The order number that the reply to a failed payment request gave all the same: ask about it
    // with flexpay_check before anything is repeated. NULL where it named none.
    const char *order_number;
} flexpay_error;

// What a function came to: FLEXPAY_OK, or one of FLEXPAY_ERROR_*. New codes may come in later
// versions: treat one you do not know as a failure, and look at the outcome.
typedef int32_t flexpay_result;

// A client's settings. Begin with FLEXPAY_CONFIG_INIT. Strings are borrowed for the call alone.
typedef struct flexpay_config {
    // sizeof(flexpay_config), set by FLEXPAY_CONFIG_INIT.
    size_t size;
    // The merchant code. Needed.
    const char *merchant;
    // The token, with or without "Bearer ". Needed.
    const char *token;
    // FLEXPAY_ENV_LIVE (default) or FLEXPAY_ENV_TEST.
    int32_t environment;
    // FLEXPAY_API_V1 (default) or FLEXPAY_API_V1_1.
    int32_t api;
    // The payment service's whole address, instead of the environment's.
    const char *pay_url;
    // The check service's address, up to and without the order number (".../check"), instead of
    // the environment's.
    const char *check_url;
    // The whole call, name look-up to last byte, in milliseconds. 0: 30 000.
    uint32_t timeout_ms;
    // The part of it for look-up, connection, proxy and TLS together. 0: 10 000.
    uint32_t connect_timeout_ms;
    // A PEM file of certificates to trust instead of those built in.
    const char *ca_file;
    // An HTTP proxy, "http://user:password@host:port". The environment's proxy variables are not
    // read.
    const char *proxy;
    // Your software, for the User-Agent header: "BoutiqueZando/2.1".
    const char *app_name;
    // FLEXPAY_FLAG_*, added up.
    uint64_t flags;
    // A secret of yours, of at least 16 characters, with which every callback address is signed:
    // then flexpay_verify_callback refuses a notice that was not sent to an address you gave.
    const char *callback_secret;
    // The secret before this one: addresses signed with it are still good.
    const char *callback_secret_previous;
} flexpay_config;

// What a customer is asked to pay. Begin with FLEXPAY_PAYMENT_REQUEST_INIT. Strings are UTF-8,
// borrowed for the call alone; NULL means absent.
typedef struct flexpay_payment_request {
    // sizeof(flexpay_payment_request), set by FLEXPAY_PAYMENT_REQUEST_INIT.
    size_t size;
    // Your own reference. Needed. Never use one twice: a used reference is the gateway's only guard
    // against a repeat.
    const char *reference;
    // A plain decimal greater than zero with at most two decimals: "100", "25.50". Needed.
    const char *amount;
    // "CDF" or "USD". Needed.
    const char *currency;
    // What is being paid for, shown to the customer.
    const char *description;
    // Where the gateway posts its notice. It refuses addresses on localhost or private networks.
    const char *callback_url;
    // Where the customer's browser goes after paying: http or https, or a link into your app
    // ("monapp://paiement?status=ok"). So the three that follow.
    const char *approve_url;
    // Where it goes after "cancel".
    const char *cancel_url;
    // Where it goes when the card was declined.
    const char *decline_url;
    // Your front page. Sent with FLEXPAY_API_V1_1 only: the other form knows no such field.
    const char *home_url;
} flexpay_payment_request;

// A payment that the gateway took in; the customer has yet to pay. Strings are UTF-8, NULL where
// absent, and live as long as the object. Freed with flexpay_payment_free.
typedef struct flexpay_payment {
    // Where to send the customer: an absolute https address (http on this machine only), checked.
    // NULL when there is a page instead.
    const char *redirect_url;
    // The gateway's number, which flexpay_check and flexpay_wait need. FLEXPAY_API_V1 gives none.
    const char *order_number;
    // The gateway's code, as it came.
    const char *code;
    // The gateway's words.
    const char *message;
    // Where the gateway's page cannot be told as an address (a form that submits itself): the HTML
    // to hand to the customer's browser.
    const char *page;
} flexpay_payment;

// A transaction as the gateway tells it. Strings are UTF-8, NULL where absent or unreadable, and
// live as long as the object. Freed with flexpay_transaction_free.
typedef struct flexpay_transaction {
    // One of FLEXPAY_STATE_*. Only FLEXPAY_STATE_PAID means that the customer has paid.
    int32_t state;
    // The status as the gateway wrote it.
    const char *status;
    // The gateway's number, as given, or else the one asked for. Never NULL.
    const char *order_number;
    // Your reference. One live integration got the order number here instead.
    const char *reference;
    // The amount asked for, with two decimals: "50.00". This is the one to compare.
    const char *amount;
    // What the customer pays, fees included: "51.00".
    const char *amount_customer;
    // The amount in hundredths, 5000; -1 where it is absent.
    int64_t amount_minor;
    // The customer's amount in hundredths; -1 where it is absent.
    int64_t amount_customer_minor;
    // "CDF" or "USD", as the gateway wrote it.
    const char *currency;
    // "2021-02-06T17:32:46", without a zone: the gateway states none.
    const char *created_at;
    // How it was paid (undocumented): "visa", "mastercard", "mpesa", ...
    const char *channel;
    // The reply's code: that the question was understood, never that anything was paid.
    const char *code;
    // The gateway's words.
    const char *message;
    // The reply as received.
    const char *raw;
} flexpay_transaction;

// What you asked for, from your own records, to hold an order or a callback against. Begin with
// FLEXPAY_EXPECTED_INIT. Strings are borrowed for the call alone.
typedef struct flexpay_expected {
    // sizeof(flexpay_expected), set by FLEXPAY_EXPECTED_INIT.
    size_t size;
    // The reference of the payment request. Needed.
    const char *reference;
    // Its amount. Needed.
    const char *amount;
    // Its currency. Needed.
    const char *currency;
    // The order number the gateway gave for it. Set it whenever you recorded one: then that order
    // is checked, whatever the callback says. NULL: the callback's is. flexpay_verify_order needs it.
    const char *order_number;
    // The query string of the request that brought the callback ("flexpay=1.abc"), with or without
    // its "?". Needed where the client has a callback_secret: its signature is checked before
    // anything is asked.
    const char *query;
} flexpay_expected;

// How to wait. Begin with FLEXPAY_WAIT_OPTIONS_INIT. 0 is the default of each.
typedef struct flexpay_wait_options {
    // sizeof(flexpay_wait_options), set by FLEXPAY_WAIT_OPTIONS_INIT.
    size_t size;
    // How long to wait in all, in milliseconds. 0: 600 000.
    uint32_t timeout_ms;
    // The pause before the second question; it grows by half each time. 0: 1 000.
    uint32_t interval_ms;
    // The longest pause. 0: 10 000.
    uint32_t max_interval_ms;
    // How long FAILED must stand to be believed: the gateway says it while the customer is still
    // typing, and PAID afterwards. The same for CANCELLED, REFUNDING and REFUNDED. 0: 30 000.
    uint32_t failed_grace_ms;
    // Ends the wait from elsewhere. May be NULL.
    const struct flexpay_cancel_token *cancel;
    // What you asked for. Then the wait returns that payment and no other: one that differs in
    // reference, amount or currency ends it with MISMATCH. Its order_number, where set, must be the
    // one you wait for; set it where it is from your records. Its query is not used. NULL: nothing is
    // compared, and reference, amount and currency are yours to compare.
    const struct flexpay_expected *expected;
} flexpay_wait_options;

// What a callback says. ANYONE who knows the address can post one: believe nothing of it before
// flexpay_verify_callback. Strings are UTF-8 as received, NULL where absent, empty or null, and
// live as long as the object. Freed with flexpay_callback_free.
typedef struct flexpay_callback {
    // 1 where it claims success, 0 where not. A claim.
    int32_t claims_success;
    // "0": processed with success; anything else: not. Where the notice has no code, its status;
    // empty where it has neither. Never NULL.
    const char *code;
    // Your reference.
    const char *reference;
    // The operator's reference, on success.
    const char *provider_reference;
    // The gateway's number.
    const char *order_number;
    // This and the following are observed, not documented: the amount, as written.
    const char *amount;
    // What the customer paid, fees included, as written.
    const char *amount_customer;
    // The currency.
    const char *currency;
    // The customer's telephone number.
    const char *phone;
    // The date, as written.
    const char *created_at;
    // "visa", "mpesa", ...
    const char *channel;
    // The gateway's words.
    const char *message;
    // The body as received. Never NULL.
    const char *raw;
} flexpay_callback;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Frees an error. NULL is fine. Since ABI 1.
void flexpay_error_free(struct flexpay_error *error);

// Makes a client. Nothing is sent, but the settings are checked and ca_file is read.
//
// config: the settings, begun with FLEXPAY_CONFIG_INIT; not NULL; borrowed for this call.
// client: receives the client, to be freed with flexpay_client_free; NULL on failure.
// error:  receives why it failed, to be freed with flexpay_error_free; NULL on success. May be NULL.
// Errors: INVALID (its field names the setting), INTERNAL. Does not block, but for reading ca_file.
// Since ABI 1.
flexpay_result flexpay_client_new(const struct flexpay_config *config,
                                  struct flexpay_client **client,
                                  struct flexpay_error **error);

// Makes a client from the environment: FLEXPAY_MERCHANT, FLEXPAY_TOKEN, FLEXPAY_ENVIRONMENT
// ("live", "test"), FLEXPAY_API ("v1", "v1.1"), FLEXPAY_PAY_URL, FLEXPAY_CHECK_URL,
// FLEXPAY_TIMEOUT_MS, FLEXPAY_CONNECT_TIMEOUT_MS, FLEXPAY_CA_FILE, FLEXPAY_PROXY,
// FLEXPAY_APP_NAME, FLEXPAY_CALLBACK_SECRET, FLEXPAY_CALLBACK_SECRET_PREVIOUS,
// FLEXPAY_ALLOW_PLAIN_HTTP, FLEXPAY_CHECK_ONCE, FLEXPAY_SYSTEM_ROOTS and
// FLEXPAY_PRIVATE_CONNECTIONS ("0", "1"). Only the first two are needed.
//
// client, error: as for flexpay_client_new. Must not run while another thread changes the
// environment. Errors: INVALID (its field names the variable or setting), INTERNAL. Does not
// block, but for reading ca_file. Since ABI 1.
flexpay_result flexpay_client_from_env(struct flexpay_client **client,
                                       struct flexpay_error **error);

// Frees a client and wipes its token. NULL is fine. No call may be using it any more. Does not
// block. Since ABI 1.
void flexpay_client_free(struct flexpay_client *client);

// Asks the gateway to take in a payment. The request is sent AT MOST ONCE, whatever happens; when
// the call fails, the error's outcome says whether it may be repeated.
//
// client:  not NULL; may be in use by other threads.
// request: not NULL; borrowed for this call.
// payment: receives the payment, to be freed with flexpay_payment_free; NULL on failure.
// error:   receives why it failed, to be freed with flexpay_error_free; NULL on success. May be
//          NULL, but then nobody learns whether the request may be repeated.
// Errors: INVALID, RESOLVE, CONNECT, PROXY, TLS, TIMEOUT, CONNECTION, REPLY, GATEWAY,
// UNAUTHORIZED, REFUSED, INTERNAL. Blocks up to the client's timeout_ms. Since ABI 1.
flexpay_result flexpay_pay(const struct flexpay_client *client,
                           const struct flexpay_payment_request *request,
                           struct flexpay_payment **payment,
                           struct flexpay_error **error);

// Frees a payment. NULL is fine. Since ABI 1.
void flexpay_payment_free(struct flexpay_payment *payment);

// Whether a state may replace the one that a shop has recorded, where notices and checks come late,
// twice and out of order: 1 or 0. Late PAID beats FAILED and CANCELLED; a refund follows PAID
// alone; nothing is replaced by itself, by UNKNOWN, or by what came before it. A number that is
// no state counts as UNKNOWN.
//
// The compare-and-set that goes with it: "UPDATE orders SET state = :now WHERE reference =
// :reference AND state = :recorded". Whoever changes no row was not the first.
// Never blocks. Since ABI 1.
int32_t flexpay_state_may_replace(int32_t recorded, int32_t now);

// Asks the gateway where an order stands. Asking changes nothing, so what a broken connection or a
// failing gateway left unanswered is asked again, within the deadline.
//
// client:       not NULL; may be in use by other threads.
// order_number: the gateway's number; borrowed for this call. NULL, which a payment by the form
//               (FLEXPAY_API_V1) has, is INVALID: FLEXPAY_API_V1_1 gives one.
// transaction:  receives the transaction, to be freed with flexpay_transaction_free; NULL on
//               failure. FLEXPAY_OK says that it was found, its state whether it is paid.
// error:        receives why it failed, to be freed with flexpay_error_free. May be NULL.
// Errors: as flexpay_pay, and NOT_FOUND. Blocks up to the client's timeout_ms. Since ABI 1.
flexpay_result flexpay_check(const struct flexpay_client *client,
                             const char *order_number,
                             struct flexpay_transaction **transaction,
                             struct flexpay_error **error);

// Frees a transaction. NULL is fine. Since ABI 1.
void flexpay_transaction_free(struct flexpay_transaction *transaction);

// Makes a cancel token.
//
// token: receives it, to be freed with flexpay_cancel_token_free; NULL on failure.
// error: receives why it failed (INTERNAL). May be NULL. Does not block. Since ABI 1.
flexpay_result flexpay_cancel_token_new(struct flexpay_cancel_token **token,
                                        struct flexpay_error **error);

// Cancels: every wait that was given this token ends with CANCELLED within a twentieth of a second,
// and so does one that is begun with it later. One atomic store: safe in a signal handler. NULL is
// fine. Since ABI 1.
void flexpay_cancel_token_cancel(const struct flexpay_cancel_token *token);

// Frees a cancel token. NULL is fine. A wait that was given it goes on. Since ABI 1.
void flexpay_cancel_token_free(struct flexpay_cancel_token *token);

// Waits for the outcome of an order: asks again and again, less and less often, until it is final,
// the time is up, or the wait is cancelled.
//
// PAID is final at once; FAILED, CANCELLED, REFUNDING and REFUNDED once they have stood for
// failed_grace_ms. The wait goes on after an order not found (yet), a question refused, a failing
// gateway and broken connections; a refused token ends it. A wait that fails says nothing of the payment: its outcome is UNKNOWN, but for an
// argument that was refused. Give options.expected, and what is returned IS what you asked for.
//
// client:       not NULL; may be in use by other threads.
// order_number: the gateway's number; borrowed for this call. NULL, which a payment by the form
//               (FLEXPAY_API_V1) has, is INVALID: FLEXPAY_API_V1_1 gives one.
// options:      NULL for the defaults; borrowed for this call.
// transaction:  receives the transaction, to be freed with flexpay_transaction_free; NULL on
//               failure.
// error:        receives why it failed, to be freed with flexpay_error_free. May be NULL.
// Errors: INVALID, TIMEOUT (its message has the last thing seen), CANCELLED, MISMATCH, UNAUTHORIZED, TLS,
// INTERNAL. Blocks up to the options' timeout_ms. Since ABI 1.
flexpay_result flexpay_wait(const struct flexpay_client *client,
                            const char *order_number,
                            const struct flexpay_wait_options *options,
                            struct flexpay_transaction **transaction,
                            struct flexpay_error **error);

// Reads a callback body, JSON or form. Believes nothing; no network.
//
// body, length: the body as it came; borrowed for this call. Over 64 KiB it is refused.
// callback:     receives what it says, to be freed with flexpay_callback_free; NULL on failure.
// error:        receives why it cannot be read, to be freed with flexpay_error_free. May be NULL.
// Errors: CALLBACK, INVALID (a NULL body with a length), INTERNAL. Does not block. Since ABI 1.
flexpay_result flexpay_parse_callback(const uint8_t *body,
                                      size_t length,
                                      struct flexpay_callback **callback,
                                      struct flexpay_error **error);

// Writes the key by which the same notice, delivered again, is known: 64 hexadecimal digits over the
// order number, the reference and what is claimed of them, the same for every spelling.
//
// Record it only AFTER the notice was verified, in one step with the order's state. A key recorded
// before would let a forged notice make the true one look like a repeat.
//
// callback: not NULL.
// key:      receives the key and its NUL; not NULL. Empty on failure.
// size:     how many bytes key has room for; FLEXPAY_CALLBACK_KEY_SIZE or more.
// error:    receives why it failed, to be freed with flexpay_error_free. May be NULL.
// Errors: INVALID, INTERNAL. Does not block. Since ABI 1.
flexpay_result flexpay_callback_key(const struct flexpay_callback *callback,
                                    char *key,
                                    size_t size,
                                    struct flexpay_error **error);

// Gives the verdict on a callback: reads it, asks the gateway about its order, and compares
// reference, amount and currency with what you asked for. Where the client has a callback_secret,
// the address the callback came to must carry its signature; otherwise nothing is asked.
//
// FLEXPAY_OK means: this transaction IS the one you asked for. Whether it is paid, its state says:
// mark an order paid only on FLEXPAY_STATE_PAID. A callback that is not about the expected payment
// comes back as MISMATCH.
//
// client:       not NULL; may be in use by other threads.
// body, length: the body as it came; borrowed for this call.
// expected:     what you asked for, from your records; not NULL; borrowed for this call.
// transaction:  receives the gateway's word, to be freed with flexpay_transaction_free; NULL on
//               failure.
// error:        receives why it failed, to be freed with flexpay_error_free. May be NULL.
// Errors: CALLBACK, MISMATCH, and those of flexpay_check. Blocks up to the client's timeout_ms.
// Since ABI 1.
flexpay_result flexpay_verify_callback(const struct flexpay_client *client,
                                       const uint8_t *body,
                                       size_t length,
                                       const struct flexpay_expected *expected,
                                       struct flexpay_transaction **transaction,
                                       struct flexpay_error **error);

// Gives the verdict on an order: asks the gateway about expected.order_number, from your records,
// and compares reference, amount and currency with what you asked for. For a till, or a sweep over
// open orders: no callback is needed. expected.query and the client's callback_secret are not used.
//
// FLEXPAY_OK means: this transaction IS the one you asked for. Whether it is paid, its state says:
// mark an order paid only on FLEXPAY_STATE_PAID. Another payment comes back as MISMATCH; the message
// names each field that differs.
//
// client:      not NULL; may be in use by other threads.
// expected:    what you asked for, from your records, with its order_number; not NULL; borrowed for
//              this call.
// transaction: receives the gateway's word, to be freed with flexpay_transaction_free; NULL on
//              failure.
// error:       receives why it failed, to be freed with flexpay_error_free. May be NULL.
// Errors: MISMATCH, and those of flexpay_check. Blocks up to the client's timeout_ms. Since ABI 1.
flexpay_result flexpay_verify_order(const struct flexpay_client *client,
                                    const struct flexpay_expected *expected,
                                    struct flexpay_transaction **transaction,
                                    struct flexpay_error **error);

// Frees a callback. NULL is fine. Since ABI 1.
void flexpay_callback_free(struct flexpay_callback *callback);

// The name of a result code, "OK" or "TIMEOUT"; "UNRECOGNIZED" for a number this library does not
// have. Static: do not free it. Never blocks. Since ABI 1.
const char *flexpay_result_name(int32_t result);

// The name of an outcome, "NOT_SENT". Static. Never blocks. Since ABI 1.
const char *flexpay_outcome_name(int32_t outcome);

// The name of a state, "PAID". Static. Never blocks. Since ABI 1.
const char *flexpay_state_name(int32_t state);

// The library's version, "0.1.0". Static: do not free it. Never blocks. Since ABI 1.
const char *flexpay_version(void);

// The ABI version of the library that is loaded. Never blocks. Since ABI 1.
int32_t flexpay_abi_version(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* FLEXPAY_H */
