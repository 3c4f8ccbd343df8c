/* One check in a new process, with the settings in the environment:  check ORDER_NUMBER
 * Without an argument it does nothing: what the process itself takes. The library is loaded in both. */
#include <flexpay.h>
#include <stdio.h>

int main(int argc, char **argv) {
    flexpay_client *client;
    flexpay_transaction *transaction;
    flexpay_error *error;
    if (argc < 2) {
        return flexpay_abi_version() != FLEXPAY_ABI_VERSION;
    }
    if (flexpay_client_from_env(&client, &error) != FLEXPAY_OK ||
        flexpay_check(client, argv[1], &transaction, &error) != FLEXPAY_OK) {
        fprintf(stderr, "%s\n", error->message);
        return 1;
    }
    flexpay_transaction_free(transaction);
    flexpay_client_free(client);
    return 0;
}
