/* flexpay_notice.c: each function is the library's own. */

#include "notice.h"

#include <flexpay.h>
#include <stdio.h>

struct notice *notice_parse(const char *body, size_t length)
{
    flexpay_callback *callback;
    flexpay_error *error;
    if (flexpay_parse_callback((const uint8_t *)body, length, &callback, &error) != FLEXPAY_OK) {
        fprintf(stderr, "flexpay: %s\n", error->message);
        flexpay_error_free(error);
    }
    return (struct notice *)callback;
}

const char *notice_reference(const struct notice *notice)
{
    return ((const flexpay_callback *)notice)->reference;
}

void notice_free(struct notice *notice)
{
    flexpay_callback_free((flexpay_callback *)notice);
}
