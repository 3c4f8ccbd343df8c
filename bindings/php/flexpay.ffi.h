typedef struct flexpay_cancel_token flexpay_cancel_token;

typedef struct flexpay_client flexpay_client;

typedef struct flexpay_error {
    int32_t code;
    int32_t outcome;
    int32_t http_status;
    const char *message;
    const char *field;
    const char *gateway_code;
    const char *gateway_message;
    const char *order_number;
    const char *trace;
} flexpay_error;

typedef int32_t flexpay_result;

typedef struct flexpay_config {
    size_t size;
    const char *merchant;
    const char *token;
    int32_t environment;
    int32_t api;
    const char *pay_url;
    const char *check_url;
    uint32_t timeout_ms;
    uint32_t connect_timeout_ms;
    const char *ca_file;
    const char *proxy;
    const char *app_name;
    uint64_t flags;
    const char *callback_secret;
    const char *callback_secret_previous;
    const char *mobile_url;
    const char *payout_url;
    const char *journal;
} flexpay_config;

typedef struct flexpay_payment_request {
    size_t size;
    const char *reference;
    const char *amount;
    const char *currency;
    const char *description;
    const char *callback_url;
    const char *approve_url;
    const char *cancel_url;
    const char *decline_url;
    const char *home_url;
    const char *correlation_id;
} flexpay_payment_request;

typedef struct flexpay_payment {
    const char *redirect_url;
    const char *order_number;
    const char *code;
    const char *message;
    const char *page;
    const char *trace;
    int32_t is_recorded;
} flexpay_payment;

typedef struct flexpay_mobile_request {
    size_t size;
    const char *reference;
    const char *amount;
    const char *currency;
    const char *phone;
    const char *callback_url;
    const char *description;
    const char *approve_url;
    const char *cancel_url;
    const char *decline_url;
    const char *return_url;
    const char *correlation_id;
} flexpay_mobile_request;

typedef struct flexpay_payout_request {
    size_t size;
    const char *reference;
    const char *amount;
    const char *currency;
    const char *phone;
    const char *callback_url;
    const char *correlation_id;
} flexpay_payout_request;

typedef struct flexpay_transaction {
    int32_t state;
    const char *status;
    const char *order_number;
    const char *reference;
    const char *amount;
    const char *amount_customer;
    int64_t amount_minor;
    int64_t amount_customer_minor;
    const char *currency;
    const char *created_at;
    const char *channel;
    const char *code;
    const char *message;
    const char *raw;
    const char *trace;
} flexpay_transaction;

typedef struct flexpay_expected {
    size_t size;
    const char *reference;
    const char *amount;
    const char *currency;
    const char *order_number;
    const char *query;
    int32_t kind;
    const char *correlation_id;
} flexpay_expected;

typedef struct flexpay_wait_options {
    size_t size;
    uint32_t timeout_ms;
    uint32_t interval_ms;
    uint32_t max_interval_ms;
    uint32_t failed_grace_ms;
    const struct flexpay_cancel_token *cancel;
    const struct flexpay_expected *expected;
    const char *correlation_id;
} flexpay_wait_options;

typedef struct flexpay_callback {
    int32_t claims_success;
    const char *code;
    const char *reference;
    const char *provider_reference;
    const char *order_number;
    const char *amount;
    const char *amount_customer;
    const char *currency;
    const char *phone;
    const char *created_at;
    const char *channel;
    const char *message;
    const char *raw;
} flexpay_callback;

typedef struct flexpay_settlement {
    const char *reference;
    int32_t kind;
    int32_t state;
    int32_t changed;
    int32_t to_deliver;
    int32_t is_open;
    const char *amount;
    const char *currency;
    const char *phone;
    const char *order_number;
    const char *other_order_number;
    const char *redirect_url;
    const char *page;
    const char *last_answer;
    const char *resolved_by;
    const char *resolved_why;
    const char *created_at;
    const char *changed_at;
    const char *problem;
} flexpay_settlement;

typedef struct flexpay_reconcile_options {
    size_t size;
    const struct flexpay_cancel_token *cancel;
    uint32_t timeout_ms;
    uint32_t reserved;
} flexpay_reconcile_options;

typedef struct flexpay_settlements {
    size_t count;
    const struct flexpay_settlement *const *items;
    const char *stopped;
} flexpay_settlements;

typedef struct flexpay_journal_query {
    size_t size;
    const char *after;
    int32_t filter;
    uint32_t limit;
} flexpay_journal_query;

typedef struct flexpay_resolution {
    size_t size;
    const char *reference;
    const char *order_number;
    const char *who;
    const char *why;
    int32_t state;
    uint32_t reserved;
} flexpay_resolution;

typedef struct flexpay_text {
    const char *text;
} flexpay_text;

void flexpay_error_free(struct flexpay_error *error);

flexpay_result flexpay_client_new(const struct flexpay_config *config,
                                  struct flexpay_client **client,
                                  struct flexpay_error **error);

flexpay_result flexpay_client_from_env(struct flexpay_client **client,
                                       struct flexpay_error **error);

void flexpay_client_free(struct flexpay_client *client);

flexpay_result flexpay_pay(const struct flexpay_client *client,
                           const struct flexpay_payment_request *request,
                           struct flexpay_payment **payment,
                           struct flexpay_error **error);

void flexpay_payment_free(struct flexpay_payment *payment);

flexpay_result flexpay_pay_mobile(const struct flexpay_client *client,
                                  const struct flexpay_mobile_request *request,
                                  struct flexpay_payment **payment,
                                  struct flexpay_error **error);

flexpay_result flexpay_payout(const struct flexpay_client *client,
                              const struct flexpay_payout_request *request,
                              struct flexpay_payment **payment,
                              struct flexpay_error **error);

flexpay_result flexpay_normalize_phone(const char *phone,
                                       char *normalized,
                                       size_t size,
                                       struct flexpay_error **error);

int32_t flexpay_state_may_replace(int32_t recorded, int32_t now);

flexpay_result flexpay_check(const struct flexpay_client *client,
                             const char *order_number,
                             struct flexpay_transaction **transaction,
                             struct flexpay_error **error);

void flexpay_transaction_free(struct flexpay_transaction *transaction);

flexpay_result flexpay_cancel_token_new(struct flexpay_cancel_token **token,
                                        struct flexpay_error **error);

void flexpay_cancel_token_cancel(const struct flexpay_cancel_token *token);

void flexpay_cancel_token_free(struct flexpay_cancel_token *token);

flexpay_result flexpay_wait(const struct flexpay_client *client,
                            const char *order_number,
                            const struct flexpay_wait_options *options,
                            struct flexpay_transaction **transaction,
                            struct flexpay_error **error);

flexpay_result flexpay_parse_callback(const uint8_t *body,
                                      size_t length,
                                      struct flexpay_callback **callback,
                                      struct flexpay_error **error);

flexpay_result flexpay_callback_key(const struct flexpay_callback *callback,
                                    char *key,
                                    size_t size,
                                    struct flexpay_error **error);

flexpay_result flexpay_verify_callback(const struct flexpay_client *client,
                                       const uint8_t *body,
                                       size_t length,
                                       const struct flexpay_expected *expected,
                                       struct flexpay_transaction **transaction,
                                       struct flexpay_error **error);

flexpay_result flexpay_verify_order(const struct flexpay_client *client,
                                    const struct flexpay_expected *expected,
                                    struct flexpay_transaction **transaction,
                                    struct flexpay_error **error);

void flexpay_callback_free(struct flexpay_callback *callback);

flexpay_result flexpay_settle(const struct flexpay_client *client,
                              const char *reference,
                              const struct flexpay_wait_options *wait,
                              struct flexpay_settlement **settlement,
                              struct flexpay_error **error);

flexpay_result flexpay_settle_callback(const struct flexpay_client *client,
                                       const uint8_t *body,
                                       size_t length,
                                       const char *query,
                                       struct flexpay_settlement **settlement,
                                       struct flexpay_error **error);

flexpay_result flexpay_reconcile(const struct flexpay_client *client,
                                 const struct flexpay_reconcile_options *options,
                                 struct flexpay_settlements **settlements,
                                 struct flexpay_error **error);

void flexpay_settlement_free(struct flexpay_settlement *settlement);

void flexpay_settlements_free(struct flexpay_settlements *settlements);

flexpay_result flexpay_journal_get(const struct flexpay_client *client,
                                   const char *reference,
                                   struct flexpay_settlement **settlement,
                                   struct flexpay_error **error);

flexpay_result flexpay_journal_list(const struct flexpay_client *client,
                                    const struct flexpay_journal_query *query,
                                    struct flexpay_settlements **settlements,
                                    struct flexpay_error **error);

flexpay_result flexpay_journal_acknowledge(const struct flexpay_client *client,
                                           const char *reference,
                                           struct flexpay_settlement **settlement,
                                           struct flexpay_error **error);

flexpay_result flexpay_journal_resolve(const struct flexpay_client *client,
                                       const struct flexpay_resolution *resolution,
                                       struct flexpay_settlement **settlement,
                                       struct flexpay_error **error);

flexpay_result flexpay_journal_prune(const struct flexpay_client *client,
                                     uint32_t days,
                                     uint64_t *removed,
                                     struct flexpay_error **error);

flexpay_result flexpay_journal_step(const char *request,
                                    struct flexpay_text **reply,
                                    struct flexpay_error **error);

void flexpay_text_free(struct flexpay_text *text);

const char *flexpay_result_name(int32_t result);

const char *flexpay_outcome_name(int32_t outcome);

const char *flexpay_state_name(int32_t state);

const char *flexpay_entry_state_name(int32_t state);

const char *flexpay_version(void);

int32_t flexpay_abi_version(void);
