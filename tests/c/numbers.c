/* Result codes, outcomes, states and the other constants keep their numbers and names: they are compiled
 * into programs. */

#include "test.h"

#include <flexpay.h>

#define RESULT(number, name)                                                                       \
    CHECK_INT(number, FLEXPAY_ERROR_##name);                                                       \
    CHECK_STR(#name, flexpay_result_name(number))
#define OUTCOME(number, name)                                                                      \
    CHECK_INT(number, FLEXPAY_OUTCOME_##name);                                                     \
    CHECK_STR(#name, flexpay_outcome_name(number))
#define STATE(number, name)                                                                        \
    CHECK_INT(number, FLEXPAY_STATE_##name);                                                       \
    CHECK_STR(#name, flexpay_state_name(number))
#define ENTRY(number, name)                                                                        \
    CHECK_INT(number, FLEXPAY_ENTRY_##name);                                                       \
    CHECK_STR(#name, flexpay_entry_state_name(number))

int main(void)
{
    CHECK_INT(0, FLEXPAY_OK);
    CHECK_STR("OK", flexpay_result_name(0));
    RESULT(1, INVALID);
    RESULT(2, INTERNAL);
    RESULT(3, RESOLVE);
    RESULT(4, CONNECT);
    RESULT(5, PROXY);
    RESULT(6, TLS);
    RESULT(7, TIMEOUT);
    RESULT(8, CANCELLED);
    RESULT(9, CONNECTION);
    RESULT(10, REPLY);
    RESULT(11, GATEWAY);
    RESULT(12, UNAUTHORIZED);
    RESULT(13, REFUSED);
    RESULT(14, NOT_FOUND);
    RESULT(15, CALLBACK);
    RESULT(16, MISMATCH);
    RESULT(17, JOURNAL);
    RESULT(18, IN_PROGRESS);
    RESULT(19, IN_DOUBT);
    OUTCOME(0, UNKNOWN);
    OUTCOME(1, NOT_SENT);
    OUTCOME(2, REFUSED);
    STATE(0, UNKNOWN);
    STATE(1, PAID);
    STATE(2, FAILED);
    STATE(3, PENDING);
    STATE(4, REFUNDING);
    STATE(5, REFUNDED);
    STATE(6, CANCELLED);
    ENTRY(1, SENDING);
    ENTRY(2, NOT_SENT);
    ENTRY(3, REFUSED);
    ENTRY(4, IN_DOUBT);
    ENTRY(5, ACCEPTED);
    ENTRY(6, PAID);
    ENTRY(7, FAILED);
    ENTRY(8, CANCELLED);
    ENTRY(9, REFUNDING);
    ENTRY(10, REFUNDED);
    CHECK_STR("UNRECOGNIZED", flexpay_entry_state_name(0)); /* 0 means "no state" in a resolution */
    CHECK_INT(0, FLEXPAY_JOURNAL_ALL);
    CHECK_INT(1, FLEXPAY_JOURNAL_OPEN);
    CHECK_INT(2, FLEXPAY_JOURNAL_IN_DOUBT);
    CHECK_INT(3, FLEXPAY_JOURNAL_TO_DELIVER);
    CHECK_INT(0, FLEXPAY_ENV_LIVE);
    CHECK_INT(1, FLEXPAY_ENV_TEST);
    CHECK_INT(0, FLEXPAY_API_V1);
    CHECK_INT(1, FLEXPAY_API_V1_1);
    CHECK_INT(1, FLEXPAY_FLAG_ALLOW_PLAIN_HTTP);
    CHECK_INT(2, FLEXPAY_FLAG_CHECK_ONCE);
    CHECK_INT(4, FLEXPAY_FLAG_SYSTEM_ROOTS);
    CHECK_INT(8, FLEXPAY_FLAG_PRIVATE_CONNECTIONS);
    CHECK_INT(16, FLEXPAY_FLAG_ALLOW_PAYOUT);
    CHECK_INT(32, FLEXPAY_FLAG_TRACE);
    CHECK_INT(0, FLEXPAY_KIND_CARD);
    CHECK_INT(1, FLEXPAY_KIND_MOBILE);
    CHECK_INT(2, FLEXPAY_KIND_PAYOUT);
    CHECK_INT(13, FLEXPAY_PHONE_SIZE);
    return test_end();
}
