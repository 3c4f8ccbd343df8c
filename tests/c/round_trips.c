/* Network round trips per call, counted by a relay in front of the sandbox. TCP, TLS 1.3 and the
 * request take one round trip each. A check after the first takes only the one of the request. */

#include "sandbox.h"
#include "test.h"

#include <stdlib.h>

/* How many lines of the relay's record start with this prefix. */
static int recorded(const char *prefix)
{
    char line[128];
    int times = 0;
    FILE *record = fopen(sandbox_env("RELAY_RECORD"), "r");
    CHECK(record != NULL);
    while (record != NULL && fgets(line, sizeof line, record) != NULL)
        times += strncmp(line, prefix, strlen(prefix)) == 0;
    if (record != NULL)
        fclose(record);
    return times;
}

static int connections, round_trips;

/* Round trips since the last call of this function. A connection counts as one. */
static int new_round_trips(void)
{
    int connects = recorded("connect"), trips = recorded("round trip");
    int since = connects - connections + trips - round_trips;
    connections = connects;
    round_trips = trips;
    return since;
}

/* One client per call, as in a shop's web page. */
static flexpay_client *new_client(void)
{
    static char pay_url[128], check_url[128];
    flexpay_config config = sandbox_config("https", FLEXPAY_API_V1_1);
    flexpay_client *client;
    snprintf(pay_url, sizeof pay_url, "https://%s/v1.1/pay", sandbox_env("RELAY_ADDRESS"));
    snprintf(check_url, sizeof check_url, "https://%s/api/rest/v1/check",
             sandbox_env("RELAY_ADDRESS"));
    config.pay_url = pay_url;
    config.check_url = check_url;
    config.flags = FLEXPAY_FLAG_CHECK_ONCE;
    CHECK_INT(FLEXPAY_OK, flexpay_client_new(&config, &client, NULL));
    return client;
}

static int pay(void)
{
    flexpay_payment_request request = sandbox_request();
    flexpay_client *client = new_client();
    CHECK_INT(FLEXPAY_OK, flexpay_pay(client, &request, NULL, NULL));
    flexpay_client_free(client);
    return new_round_trips();
}

static int check(const char *order_number, flexpay_result expected)
{
    flexpay_client *client = new_client();
    CHECK_INT(expected, flexpay_check(client, order_number, NULL, NULL));
    flexpay_client_free(client);
    return new_round_trips();
}

int main(void)
{
    char *order = sandbox_order(NULL);
    int first_payment = pay(), first_check = check(order, FLEXPAY_OK);
    int later_check = check(order, FLEXPAY_OK);
    int not_found = check("unknown", FLEXPAY_ERROR_NOT_FOUND), later_payment = pay();
    int last_check = check(order, FLEXPAY_OK);
    CHECK_INT(3, first_payment);
    CHECK_INT(3, first_check);
    CHECK_INT(1, later_check);
    CHECK_INT(1, not_found);
    CHECK_INT(3, later_payment);
    CHECK_INT(1, last_check);
    printf("round trips: payment %d, first check %d, later check %d, order not found %d, "
           "later payment %d\n",
           first_payment, first_check, later_check, not_found, later_payment);
    free(order);
    return test_end();
}
