/* An object of the library is one allocation, also a list and the entries in it: freeing it calls free
 * once. */

#include "sandbox.h"
#include "test.h"

static int calls_of_free = -1; /* not counted */

/* glibc's own function. The one below replaces free. */
void __libc_free(void *memory);

void free(void *memory)
{
    if (calls_of_free >= 0 && memory != NULL)
        calls_of_free++;
    __libc_free(memory);
}

#define FREED_AT_ONCE(function, object)                                                            \
    do {                                                                                           \
        CHECK(object != NULL);                                                                     \
        calls_of_free = 0;                                                                         \
        function(object);                                                                          \
        int calls = calls_of_free;                                                                 \
        calls_of_free = -1;                                                                        \
        CHECK_INT(1, calls);                                                                       \
    } while (0)

int main(void)
{
    flexpay_client *client = sandbox_journal_client(sandbox_journal());
    flexpay_settlements *list;
    flexpay_settlement *entry;
    flexpay_text *text;
    flexpay_error *error;
    CHECK_INT(FLEXPAY_OK, flexpay_journal_list(client, NULL, &list, NULL));
    FREED_AT_ONCE(flexpay_settlements_free, list); /* an empty list */
    for (int count = 0; count < 3; count++) {
        flexpay_payment_request request = sandbox_request();
        CHECK_INT(FLEXPAY_OK, flexpay_pay(client, &request, NULL, NULL));
        CHECK_INT(FLEXPAY_OK, flexpay_journal_get(client, request.reference, &entry, NULL));
        FREED_AT_ONCE(flexpay_settlement_free, entry);
    }
    CHECK_INT(FLEXPAY_OK, flexpay_journal_list(client, NULL, &list, NULL));
    CHECK_INT(3, list != NULL ? list->count : 0);
    FREED_AT_ONCE(flexpay_settlements_free, list);
    CHECK_INT(FLEXPAY_OK, flexpay_journal_step("{\"entry\":null,\"sender_is_alive\":false,"
                                               "\"event\":{\"event\":\"settle\"}}",
                                               &text, NULL));
    FREED_AT_ONCE(flexpay_text_free, text);
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_journal_get(client, "never-used", NULL, &error));
    FREED_AT_ONCE(flexpay_error_free, error);
    flexpay_client_free(client);
    return test_end();
}
