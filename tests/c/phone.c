/* flexpay_normalize_phone: numbers as people write them, and the caller's buffer. The test vectors have
 * more numbers. */

#include "test.h"

#include <flexpay.h>
#include <stdlib.h>

#define NUMBER "243812345678"

static void accepted(void)
{
    static const char *const phones[] = {
        "243812345678",
        "+243812345678",
        "00243812345678",
        "0812345678",
        "  +243 81 234 56 78\r\n",
        "(+243) 81.234.56-78",
        "[0]812-345-678",
        "00 243 812 345 678",
        "0812\xc2\xa0""345\xe2\x80\xaf""678",          /* no-break spaces */
        "0812\xe2\x80\x91""345\xe2\x80\x93""678",      /* a no-break hyphen and a dash */
    };
    for (size_t at = 0; at < sizeof phones / sizeof *phones; at++) {
        char normalized[FLEXPAY_PHONE_SIZE];
        flexpay_error *error;
        CHECK_INT(FLEXPAY_OK,
                  flexpay_normalize_phone(phones[at], normalized, sizeof normalized, &error));
        CHECK_STR(NUMBER, normalized);
        CHECK_STR(NULL, error != NULL ? error->message : NULL);
        flexpay_error_free(error);
    }
}

static void refused(void)
{
    static const struct {
        const char *phone;
        const char *problem; /* a part of the message */
    } phones[] = {
        {NULL, "missing"},
        {"", "missing"},
        {" \t", "missing"},
        {"812345678", "does not begin with"},           /* as likely a number of another country */
        {"+33 6 12 34 56 78", "does not begin with"},
        {"0033612345678", "does not begin with"},
        {"+0812345678", "does not begin with"},
        {"08123456789", "10 digits"},
        {"081234567", "8 digits"},
        {"2438123456789", "10 digits"},
        {"+243 (0) 81 234 56 78", "a 0 too much"},
        {"00812345678", "does not begin with"},
        {"O812345678", "'O'"},
        {"0812345678 / 0822345678", "'/'"},
        {"tel:+243812345678", "'t'"},
        {"0812+345678", "'+'"},
        {"++243812345678", "'+'"},
        {"0812345678\n0822345678", "'\\n'"},
        {"\xd9\xa0\xd9\xa8\xd9\xa1", "contains"},       /* Arabic digits */
    };
    for (size_t at = 0; at < sizeof phones / sizeof *phones; at++) {
        char normalized[FLEXPAY_PHONE_SIZE] = "garbage";
        flexpay_error *error;
        CHECK_INT(FLEXPAY_ERROR_INVALID,
                  flexpay_normalize_phone(phones[at].phone, normalized, sizeof normalized, &error));
        CHECK_STR("", normalized);
        CHECK(error != NULL);
        if (error != NULL) {
            CHECK_STR("phone", error->field);
            CHECK_INT(FLEXPAY_OUTCOME_NOT_SENT, error->outcome);
            CHECK(strncmp(error->message, "phone", 5) == 0);
            if (strstr(error->message, phones[at].problem) == NULL) {
                CHECK(!"the message names the problem");
                printf("  %s: %s\n", phones[at].problem, error->message);
            }
            CHECK_STR(NULL, error->trace);
        }
        flexpay_error_free(error);
        CHECK_INT(FLEXPAY_ERROR_INVALID,
                  flexpay_normalize_phone(phones[at].phone, normalized, sizeof normalized, NULL));
    }
}

/* A buffer in memory of exactly `size` bytes, so that sanitizers and valgrind detect a write past its
 * end. */
static void buffer_of_size(size_t size)
{
    char *buffer = malloc(size != 0 ? size : 1);
    flexpay_error *error;
    if (buffer == NULL)
        abort();
    memset(buffer, '#', size != 0 ? size : 1);
    if (size >= FLEXPAY_PHONE_SIZE) {
        CHECK_INT(FLEXPAY_OK, flexpay_normalize_phone("0812345678", buffer, size, &error));
        CHECK_STR(NUMBER, buffer);
        CHECK(error == NULL);
    } else {
        CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_normalize_phone("0812345678", buffer, size, &error));
        CHECK_STR("size", error != NULL ? error->field : "no error");
        CHECK_INT(size != 0 ? '\0' : '#', buffer[0]);
        /* Nothing is written but the NUL. */
        for (size_t at = 1; at < size; at++)
            CHECK_INT('#', buffer[at]);
    }
    flexpay_error_free(error);
    free(buffer);
}

static void without_a_buffer(void)
{
    flexpay_error *error;
    CHECK_INT(FLEXPAY_ERROR_INVALID,
              flexpay_normalize_phone("0812345678", NULL, FLEXPAY_PHONE_SIZE, &error));
    CHECK_STR("normalized", error != NULL ? error->field : "no error");
    flexpay_error_free(error);
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_normalize_phone("0812345678", NULL, 0, NULL));
}

/* A normalized number stays the same. */
static void twice(void)
{
    char number[FLEXPAY_PHONE_SIZE] = NUMBER, again[FLEXPAY_PHONE_SIZE];
    CHECK_INT(FLEXPAY_OK, flexpay_normalize_phone(number, again, sizeof again, NULL));
    CHECK_STR(number, again);
}

int main(void)
{
    accepted();
    refused();
    for (size_t size = 0; size <= FLEXPAY_PHONE_SIZE + 2; size++)
        buffer_of_size(size);
    without_a_buffer();
    twice();
    return test_end();
}
