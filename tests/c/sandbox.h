/*
 * sandbox.h: helpers for the local gateway that run.sh starts.
 *
 * They end the test program when the sandbox itself fails.
 */

#ifndef SANDBOX_H
#define SANDBOX_H

#include <flexpay.h>

/* An environment variable that run.sh sets. */
const char *sandbox_env(const char *name);

/* Settings for the sandbox. scheme is "http" or "https", api one of FLEXPAY_API_*. The strings are in
 * static buffers: they stay valid until the next call. */
flexpay_config sandbox_config(const char *scheme, int32_t api);

/* A client with those settings. */
flexpay_client *sandbox_client(const char *scheme, int32_t api);

/* A new, unused reference, in a static buffer: it stays valid until the next call. */
const char *sandbox_reference(void);

/* The path of a new journal, in a static buffer: it stays valid until the next call. run.sh removes the
 * file at the end. */
const char *sandbox_journal(void);

/* A client with a journal, over http and v1.1, that may make payouts. */
flexpay_client *sandbox_journal_client(const char *journal);

/* A request for 25.50 USD with every field set and a new reference. */
flexpay_payment_request sandbox_request(void);

/* The same for mobile money, with the number of a phone that a test decides about: 0812345678. */
flexpay_mobile_request sandbox_mobile_request(void);

/* A payout of 25.50 USD to 0812345678, with a new reference. The sandbox pays it out at once. */
flexpay_payout_request sandbox_payout_request(void);

/* Requests a payment over http and v1.1 and leaves it pending. Returns the order number; free it with
 * free(). If reference is not NULL, it must have room for 32 bytes and receives the reference. */
char *sandbox_order(char *reference);

/* The number of the order that the gateway has under a reference; free it with free(). */
char *sandbox_order_of(const char *reference);

/* Sets the state of an order. decision is "approve", "decline", "cancel", "pending", "refunding",
 * "refunded" or, for a phone, "expire". The sandbox sends no callback. */
void sandbox_decide(const char *order_number, const char *decision);

/* What the sandbox has recorded about an order, as JSON; free it with free(). */
char *sandbox_recorded(const char *order_number);

/* Changes quirks: {"not_found_checks":2} */
void sandbox_quirks(const char *json);

/* Injects a fault: {"on":"pay","action":{"kind":"reset_after_reading"}} */
void sandbox_fault(const char *json);

/* Removes all faults. */
void sandbox_clear_faults(void);

/* How often text occurs in the sandbox's list of received requests. */
int sandbox_requests_with(const char *text);

#endif
