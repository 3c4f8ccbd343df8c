/*
 * client.h: checking an order at the gateway. cold.c and warm.c are compiled once with each
 * implementation, so that nothing else differs.
 */

#ifndef CLIENT_H
#define CLIENT_H

/* Opaque: each implementation defines its own. */
struct client;
struct transaction;

/* Whether all threads share one client (1), or each thread has its own (0). */
extern const int client_is_shared;

/* check_url ends in ".../check"; ca_file is NULL for plain HTTP. Returns NULL on failure. */
struct client *client_new(const char *check_url, const char *ca_file, const char *token);
void client_free(struct client *client);

/* Checks an order and copies every field. Returns NULL on any failure. */
struct transaction *client_check(struct client *client, const char *order_number);
const char *transaction_reference(const struct transaction *transaction);
void transaction_free(struct transaction *transaction);

#endif
