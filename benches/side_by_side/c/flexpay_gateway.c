/* flexpay_gateway.c: each function is the library's own. With VERIFY, a check says which payment is
 * expected, as a shop does that knows what it sold. */

#include "example.h"
#include "gateway.h"

#include <flexpay.h>
#include <stdio.h>

const int gateway_is_shared = 1;

static void report(flexpay_error *error)
{
    fprintf(stderr, "flexpay: %s\n", error->message);
    flexpay_error_free(error);
}

struct gateway *gateway_new(const char *check_url, const char *ca_file, const char *token)
{
    flexpay_config config = FLEXPAY_CONFIG_INIT;
    flexpay_client *client;
    flexpay_error *error;
    config.merchant = "ZANDO";
    config.token = token;
    config.check_url = check_url;
    config.ca_file = ca_file;
    if (flexpay_client_new(&config, &client, &error) != FLEXPAY_OK)
        report(error);
    return (struct gateway *)client;
}

void gateway_free(struct gateway *gateway)
{
    flexpay_client_free((flexpay_client *)gateway);
}

static flexpay_result ask(const flexpay_client *client, const char *order_number,
                          flexpay_transaction **transaction, flexpay_error **error)
{
#ifdef VERIFY
    flexpay_expected expected = FLEXPAY_EXPECTED_INIT;
    expected.reference = EXAMPLE_REFERENCE;
    expected.amount = EXAMPLE_AMOUNT;
    expected.currency = EXAMPLE_CURRENCY;
    expected.order_number = order_number;
    return flexpay_verify_order(client, &expected, transaction, error);
#else
    return flexpay_check(client, order_number, transaction, error);
#endif
}

struct transaction *gateway_check(struct gateway *gateway, const char *order_number)
{
    flexpay_transaction *transaction;
    flexpay_error *error;
    if (ask((flexpay_client *)gateway, order_number, &transaction, &error) != FLEXPAY_OK)
        report(error);
    return (struct transaction *)transaction;
}

const char *transaction_reference(const struct transaction *transaction)
{
    return ((const flexpay_transaction *)transaction)->reference;
}

void transaction_free(struct transaction *transaction)
{
    flexpay_transaction_free((flexpay_transaction *)transaction);
}
