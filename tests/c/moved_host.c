/* A host that moves: its addresses are remembered, and looked up again as soon as nothing answers there.
 * Even a question that is asked once only does not notice. */

#define _GNU_SOURCE

#include "sandbox.h"
#include "test.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOST "gateway.example"

static const char *address = "127.0.0.2";
static int lookups;

/* In place of the system's, which the library would call. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **found)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    if (strstr(node, HOST) == NULL)
        return real(node, service, hints, found);
    lookups++;
    return real(address, service, hints, found);
}

/* Where the host is at first, on the sandbox's port: it takes connections. */
static int listen_at_first_address(int port)
{
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    inet_pton(AF_INET, "127.0.0.2", &own.sin_addr);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    CHECK_INT(0, bind(listener, (struct sockaddr *)&own, sizeof own));
    CHECK_INT(0, listen(listener, 8));
    return listener;
}

/* From now on it answers nobody: what waits for it fills its queue. */
static void fall_silent(int port)
{
    struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    inet_pton(AF_INET, "127.0.0.2", &there.sin_addr);
    for (int waiting = 0; waiting < 30; waiting++) {
        int one = socket(AF_INET, SOCK_STREAM, 0);
        fcntl(one, F_SETFL, O_NONBLOCK);
        (void)connect(one, (struct sockaddr *)&there, sizeof there);
    }
}

static void ask(const flexpay_config *config, const char *order, flexpay_result expected)
{
    flexpay_client *client;
    CHECK_INT(FLEXPAY_OK, flexpay_client_new(config, &client, NULL));
    for (int call = 0; call < 3; call++)
        CHECK_INT(expected, flexpay_check(client, order, NULL, NULL));
    flexpay_client_free(client);
}

static void moves(const char *host, int port, const char *order, int is_silent)
{
    flexpay_config config = sandbox_config("http", FLEXPAY_API_V1_1);
    char check_url[128];
    int listener = listen_at_first_address(port);
    snprintf(check_url, sizeof check_url, "http://%s:%d/api/rest/v1/check", host, port);
    config.check_url = check_url;
    config.flags = FLEXPAY_FLAG_ALLOW_PLAIN_HTTP | FLEXPAY_FLAG_CHECK_ONCE;
    address = "127.0.0.2";
    lookups = 0;
    config.timeout_ms = 200;
    ask(&config, order, FLEXPAY_ERROR_TIMEOUT);
    CHECK_INT(1, lookups);

    if (is_silent)
        fall_silent(port);
    else
        close(listener);
    address = "127.0.0.1";
    config.timeout_ms = 20000;
    config.connect_timeout_ms = 4000;
    ask(&config, order, FLEXPAY_OK);
    CHECK_INT(2, lookups);
    if (is_silent)
        close(listener);
}

int main(void)
{
    int port = atoi(strrchr(sandbox_env("SANDBOX_URL"), ':') + 1);
    char *order = sandbox_order(NULL);
    moves("refuses." HOST, port, order, 0);
    moves("silent." HOST, port, order, 1);
    free(order);
    return test_end();
}
