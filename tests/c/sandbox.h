/*
 * sandbox.h: the local gateway, as run.sh starts it, and what most tests ask of it.
 *
 * These end the test program when the sandbox itself fails: nothing after that would mean anything.
 */

#ifndef SANDBOX_H
#define SANDBOX_H

#include <flexpay.h>

/* A variable that run.sh sets. */
const char *sandbox_env(const char *name);

/* Settings for the sandbox: over "http" or "https", one of FLEXPAY_API_*. Its strings are static,
 * until the next call. */
flexpay_config sandbox_config(const char *scheme, int32_t api);

/* A client with those settings. */
flexpay_client *sandbox_client(const char *scheme, int32_t api);

/* A reference nobody has used. Static, until the next call. */
const char *sandbox_reference(void);

/* A request for 25.50 USD that has everything, under a new reference. */
flexpay_payment_request sandbox_request(void);

/* A payment in wait for its customer, asked for over http and v1.1: its order number, to be freed
 * with free(). reference, where not NULL, has room for 32 bytes and receives the reference. */
char *sandbox_order(char *reference);

/* Decides about an order: "approve", "decline", "cancel", "pending", "refunding", "refunded". No
 * callback is posted. */
void sandbox_decide(const char *order_number, const char *decision);

/* Orders a fault: {"on":"pay","action":{"kind":"reset_after_reading"}} */
void sandbox_fault(const char *json);

/* No faults any more. */
void sandbox_clear_faults(void);

/* How often something stands in the sandbox's record of the requests it was sent. */
int sandbox_requests_with(const char *text);

#endif
