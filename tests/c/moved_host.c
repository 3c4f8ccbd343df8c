/* A host that moves. Its addresses are cached, and resolved again as soon as no server accepts
 * connections there. Even a check that is not retried (FLEXPAY_FLAG_CHECK_ONCE) succeeds. */

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
#define FIRST_ADDRESS "127.0.0.2"

static const char *address = FIRST_ADDRESS;
static int lookups;

/* Replaces the system's function, which the library calls. */
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

/* Listens at the host's first address, on the sandbox's port. */
static int listen_at_first_address(int port)
{
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    inet_pton(AF_INET, FIRST_ADDRESS, &own.sin_addr);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    CHECK_INT(0, bind(listener, (struct sockaddr *)&own, sizeof own));
    CHECK_INT(0, listen(listener, 8));
    return listener;
}

/* Fills the listener's backlog, so that it accepts no further connections. */
static void fill_backlog(int port)
{
    struct sockaddr_in target = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    inet_pton(AF_INET, FIRST_ADDRESS, &target.sin_addr);
    for (int waiting = 0; waiting < 30; waiting++) {
        int one = socket(AF_INET, SOCK_STREAM, 0);
        fcntl(one, F_SETFL, O_NONBLOCK);
        (void)connect(one, (struct sockaddr *)&target, sizeof target);
    }
}

static void check_three_times(const flexpay_config *config, const char *order,
                              flexpay_result expected)
{
    flexpay_client *client;
    CHECK_INT(FLEXPAY_OK, flexpay_client_new(config, &client, NULL));
    for (int call = 0; call < 3; call++)
        CHECK_INT(expected, flexpay_check(client, order, NULL, NULL));
    flexpay_client_free(client);
}

static void move_host(const char *host, int port, const char *order, int is_silent)
{
    flexpay_config config = sandbox_config("http", FLEXPAY_API_V1_1);
    char check_url[128];
    int listener = listen_at_first_address(port);
    snprintf(check_url, sizeof check_url, "http://%s:%d/api/rest/v1/check", host, port);
    config.check_url = check_url;
    config.flags = FLEXPAY_FLAG_ALLOW_PLAIN_HTTP | FLEXPAY_FLAG_CHECK_ONCE;
    address = FIRST_ADDRESS;
    lookups = 0;
    config.timeout_ms = 1000;
    check_three_times(&config, order, FLEXPAY_ERROR_TIMEOUT);
    CHECK_INT(1, lookups);

    if (is_silent)
        fill_backlog(port);
    else
        close(listener);
    address = "127.0.0.1";
    config.timeout_ms = 20000;
    config.connect_timeout_ms = 4000;
    check_three_times(&config, order, FLEXPAY_OK);
    CHECK_INT(2, lookups);
    if (is_silent)
        close(listener);
}

int main(void)
{
    int port = atoi(strrchr(sandbox_env("SANDBOX_URL"), ':') + 1);
    char *order = sandbox_order(NULL);
    move_host("refuses." HOST, port, order, 0);
    move_host("silent." HOST, port, order, 1);
    free(order);
    return test_end();
}
