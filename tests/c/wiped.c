/* A client's token is not in the process's memory after the client is freed. Before that, only the
 * client itself holds it: the request buffers are wiped after each request. */

#include "sandbox.h"
#include "test.h"

#include <fcntl.h>
#include <unistd.h>

/* This program stores the token XORed with MASK. It exists in clear only while it is passed to the
 * library. */
enum { LENGTH = 40, MASK = 0x5a };
static volatile unsigned char masked[LENGTH];
static unsigned char window[1 << 16];

static void choose_token(void)
{
    for (int at = 0; at < LENGTH; at++)
        masked[at] = (unsigned char)(('a' + (at * 7 + 3) % 26) ^ MASK);
}

static int token_at(const unsigned char *memory)
{
    for (int at = 0; at < LENGTH; at++)
        if ((memory[at] ^ MASK) != masked[at])
            return 0;
    return 1;
}

/* How often the token is in the writable memory of this process. Read without stdio, whose buffers
 * would hold copies. */
static int count_in_memory(void)
{
    int count = 0;
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "r");
    int memory = open("/proc/self/mem", O_RDONLY);
    CHECK(maps != NULL && memory >= 0);
    if (maps == NULL || memory < 0)
        return -1;
    while (fgets(line, sizeof line, maps) != NULL) {
        unsigned long from, to;
        char permissions[5];
        if (sscanf(line, "%lx-%lx %4s", &from, &to, permissions) != 3 || permissions[1] != 'w')
            continue;
        for (unsigned long page = from; page < to; page += sizeof window - LENGTH + 1) {
            ssize_t size = pread(memory, window, sizeof window, (off_t)page);
            for (ssize_t at = 0; at + LENGTH <= size; at++)
                /* Skips the window itself. */
                if (page + (unsigned long)at - (unsigned long)window >= sizeof window)
                    count += token_at(window + at);
        }
        memset(window, 0, sizeof window);
    }
    close(memory);
    fclose(maps);
    return count;
}

static void wiped(const char *scheme, int32_t api)
{
    flexpay_config config = sandbox_config(scheme, api);
    flexpay_payment_request request = sandbox_request();
    flexpay_client *client;
    flexpay_error *error;
    volatile char token[LENGTH + 1];
    for (int at = 0; at < LENGTH; at++)
        token[at] = (char)(masked[at] ^ MASK);
    token[LENGTH] = '\0';
    config.token = (const char *)token;
    config.flags = FLEXPAY_FLAG_CHECK_ONCE;
    CHECK_INT(FLEXPAY_OK, flexpay_client_new(&config, &client, NULL));
    for (int at = 0; at < LENGTH; at++)
        token[at] = 0;
    CHECK_INT(1, count_in_memory()); /* the client's copy; it also shows that the search works */
    for (int round = 0; round < 3; round++) {
        CHECK_INT(FLEXPAY_ERROR_UNAUTHORIZED, flexpay_pay(client, &request, NULL, &error));
        flexpay_error_free(error);
        CHECK_INT(FLEXPAY_ERROR_UNAUTHORIZED, flexpay_check(client, "1", NULL, &error));
        flexpay_error_free(error);
    }
    CHECK_INT(1, count_in_memory()); /* it was sent, and no copy is left */
    flexpay_client_free(client);
    CHECK_INT(0, count_in_memory());
}

int main(void)
{
    sandbox_clear_faults();
    choose_token();
    wiped("http", FLEXPAY_API_V1);
    wiped("http", FLEXPAY_API_V1_1);
    wiped("https", FLEXPAY_API_V1);
    wiped("https", FLEXPAY_API_V1_1);
    return test_end();
}
