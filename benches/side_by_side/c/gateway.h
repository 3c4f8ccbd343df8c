/*
 * gateway.h: asking the gateway. cold.c and warm.c are compiled once against each contender, so
 * that nothing but the contender differs.
 */

#ifndef GATEWAY_H
#define GATEWAY_H

/* What asks, and what comes of it. What is in them only the contender knows. */
struct gateway;
struct transaction;

/* Whether all threads share one (1), or each has its own (0). */
extern const int gateway_is_shared;

/* check_url ends in ".../check"; ca_file is NULL where no TLS is spoken. NULL on failure. */
struct gateway *gateway_new(const char *check_url, const char *ca_file, const char *token);
void gateway_free(struct gateway *gateway);

/* Asks where an order stands, and copies every field out. NULL when anything at all went wrong. */
struct transaction *gateway_check(struct gateway *gateway, const char *order_number);
const char *transaction_reference(const struct transaction *transaction);
void transaction_free(struct transaction *transaction);

#endif
