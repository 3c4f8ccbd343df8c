/* A client's token is nowhere in the process's memory once the client is freed, and in few places
 * before: the request that carried it was wiped, too. */

#include "sandbox.h"
#include "test.h"

#include <fcntl.h>
#include <unistd.h>

/* The token never stands whole in this program's own memory, but where it is handed over. */
enum { LENGTH = 40, VEIL = 0x5a };
static volatile unsigned char veiled[LENGTH];
static unsigned char window[1 << 16];

static void choose_token(void)
{
    for (int at = 0; at < LENGTH; at++)
        veiled[at] = (unsigned char)(('a' + (at * 7 + 3) % 26) ^ VEIL);
}

static int stands_at(const unsigned char *memory)
{
    for (int at = 0; at < LENGTH; at++)
        if ((memory[at] ^ VEIL) != veiled[at])
            return 0;
    return 1;
}

/* How often it stands in what this process may write to. Read without stdio, whose buffers would hold
 * what they read. */
static int times_in_memory(void)
{
    int times = 0;
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "r");
    int memory = open("/proc/self/mem", O_RDONLY);
    CHECK(maps != NULL && memory >= 0);
    if (maps == NULL || memory < 0)
        return -1;
    while (fgets(line, sizeof line, maps) != NULL) {
        unsigned long from, to;
        char rights[5];
        if (sscanf(line, "%lx-%lx %4s", &from, &to, rights) != 3 || rights[1] != 'w')
            continue;
        for (unsigned long page = from; page < to; page += sizeof window - LENGTH + 1) {
            ssize_t size = pread(memory, window, sizeof window, (off_t)page);
            for (ssize_t at = 0; at + LENGTH <= size; at++)
                /* Not the window itself, should it come by. */
                if (page + (unsigned long)at - (unsigned long)window >= sizeof window)
                    times += stands_at(window + at);
        }
        memset(window, 0, sizeof window);
    }
    close(memory);
    fclose(maps);
    return times;
}

static void wiped(const char *scheme, int32_t api)
{
    flexpay_config config = sandbox_config(scheme, api);
    flexpay_payment_request request = sandbox_request();
    flexpay_client *client;
    flexpay_error *error;
    volatile char token[LENGTH + 1];
    for (int at = 0; at < LENGTH; at++)
        token[at] = (char)(veiled[at] ^ VEIL);
    token[LENGTH] = '\0';
    config.token = (const char *)token;
    config.flags = FLEXPAY_FLAG_CHECK_ONCE;
    CHECK_INT(FLEXPAY_OK, flexpay_client_new(&config, &client, NULL));
    for (int at = 0; at < LENGTH; at++)
        token[at] = 0;
    CHECK_INT(1, times_in_memory()); /* the client's own; and the search finds things */
    for (int round = 0; round < 3; round++) {
        CHECK_INT(FLEXPAY_ERROR_UNAUTHORIZED, flexpay_pay(client, &request, NULL, &error));
        flexpay_error_free(error);
        CHECK_INT(FLEXPAY_ERROR_UNAUTHORIZED, flexpay_check(client, "1", NULL, &error));
        flexpay_error_free(error);
    }
    CHECK_INT(1, times_in_memory()); /* it travelled, and left nothing behind */
    flexpay_client_free(client);
    CHECK_INT(0, times_in_memory());
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
