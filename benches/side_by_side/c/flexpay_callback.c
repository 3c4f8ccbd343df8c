/* flexpay_callback.c: each function calls the library's. */

#include "callback.h"

#include <flexpay.h>
#include <stdio.h>

struct callback *callback_parse(const char *body, size_t length)
{
    flexpay_callback *callback;
    flexpay_error *error;
    if (flexpay_parse_callback((const uint8_t *)body, length, &callback, &error) != FLEXPAY_OK) {
        fprintf(stderr, "flexpay: %s\n", error->message);
        flexpay_error_free(error);
    }
    return (struct callback *)callback;
}

const char *callback_reference(const struct callback *callback)
{
    return ((const flexpay_callback *)callback)->reference;
}

void callback_free(struct callback *callback)
{
    flexpay_callback_free((flexpay_callback *)callback);
}
