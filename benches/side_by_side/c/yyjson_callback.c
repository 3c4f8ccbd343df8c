/* yyjson_callback.c: parsing a callback with yyjson. */

#include "fields.h"
#include "callback.h"

#include <stdlib.h>

/* In the order of the keys below. */
struct callback {
    const char *code, *reference, *provider_reference, *order_number;
    const char *amount, *amount_customer, *currency, *phone, *created_at, *channel, *message;
};
enum { FIELDS = 11 };
static const struct key keys[FIELDS] = {
    KEY("code"), KEY("reference"), KEY("provider_reference"), KEY("orderNumber"), KEY("amount"),
    KEY("amountCustomer"), KEY("currency"), KEY("phone"), KEY("createdAt"), KEY("channel"),
    KEY("message"),
};

struct callback *callback_parse(const char *body, size_t length)
{
    struct pool pool;
    yyjson_val *found[FIELDS];
    yyjson_doc *document = read_document(&pool, body, length);
    if (document == NULL)
        return NULL;
    find_fields(yyjson_doc_get_root(document), keys, FIELDS, found);
    struct callback *callback = copy_fields(found, FIELDS);
    yyjson_doc_free(document);
    return callback;
}

const char *callback_reference(const struct callback *callback)
{
    return callback->reference;
}

void callback_free(struct callback *callback)
{
    free(callback);
}
