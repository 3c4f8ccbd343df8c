/* yyjson_notice.c: reading a callback with yyjson. */

#include "fields.h"
#include "notice.h"

#include <stdlib.h>

/* In the order of the keys below. */
struct notice {
    const char *code, *reference, *provider_reference, *order_number;
    const char *amount, *amount_customer, *currency, *phone, *created_at, *channel, *message;
};
enum { FIELDS = 11 };
static const struct key keys[FIELDS] = {
    KEY("code"), KEY("reference"), KEY("provider_reference"), KEY("orderNumber"), KEY("amount"),
    KEY("amountCustomer"), KEY("currency"), KEY("phone"), KEY("createdAt"), KEY("channel"),
    KEY("message"),
};

struct notice *notice_parse(const char *body, size_t length)
{
    struct pool pool;
    yyjson_val *found[FIELDS];
    yyjson_doc *document = read_document(&pool, body, length);
    if (document == NULL)
        return NULL;
    find_fields(yyjson_doc_get_root(document), keys, FIELDS, found);
    struct notice *notice = copy_fields(found, FIELDS);
    yyjson_doc_free(document);
    return notice;
}

const char *notice_reference(const struct notice *notice)
{
    return notice->reference;
}

void notice_free(struct notice *notice)
{
    free(notice);
}
