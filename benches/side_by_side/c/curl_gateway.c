/*
 * curl_gateway.c: what a careful programmer writes without flexpay: libcurl, and the fastest JSON
 * parser to hand. The handle is kept, and with it its connection; so is the room for the reply. With
 * NEW_CONNECTIONS each question has a connection of its own.
 */

#include "fields.h"
#include "gateway.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LARGEST_REPLY (1024 * 1024)

const int gateway_is_shared = 0;

struct gateway {
    CURL *handle;
    struct curl_slist *headers;
    char *check_url;
    char *reply;
    size_t length;
    size_t capacity;
};

static size_t receive(char *data, size_t size, size_t count, void *user)
{
    struct gateway *own = user;
    size_t more = size * count;
    if (own->capacity - own->length < more) {
        size_t capacity = own->capacity == 0 ? 4096 : own->capacity;
        while (capacity - own->length < more)
            capacity *= 2;
        char *larger = capacity > LARGEST_REPLY ? NULL : realloc(own->reply, capacity);
        if (larger == NULL)
            return 0;
        own->reply = larger;
        own->capacity = capacity;
    }
    memcpy(own->reply + own->length, data, more);
    own->length += more;
    return more;
}

struct gateway *gateway_new(const char *check_url, const char *ca_file, const char *token)
{
    char authorization[1024];
    struct gateway *own = calloc(1, sizeof *own);
    if (own == NULL)
        return NULL;
    snprintf(authorization, sizeof authorization, "Authorization: Bearer %s", token);
    own->check_url = strdup(check_url);
    own->headers = curl_slist_append(NULL, authorization);
    own->handle = curl_easy_init();
    if (own->check_url == NULL || own->headers == NULL || own->handle == NULL) {
        gateway_free(own);
        return NULL;
    }
    curl_easy_setopt(own->handle, CURLOPT_HTTPHEADER, own->headers);
    curl_easy_setopt(own->handle, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(own->handle, CURLOPT_WRITEDATA, own);
    curl_easy_setopt(own->handle, CURLOPT_TIMEOUT_MS, 30000L);
    curl_easy_setopt(own->handle, CURLOPT_NOSIGNAL, 1L); /* for threads */
#ifdef NEW_CONNECTIONS
    curl_easy_setopt(own->handle, CURLOPT_FORBID_REUSE, 1L);
#endif
    if (ca_file != NULL)
        curl_easy_setopt(own->handle, CURLOPT_CAINFO, ca_file);
    return own;
}

void gateway_free(struct gateway *own)
{
    if (own == NULL)
        return;
    curl_easy_cleanup(own->handle);
    curl_slist_free_all(own->headers);
    free(own->check_url);
    free(own->reply);
    free(own);
}

static int ask(struct gateway *own, const char *order_number)
{
    char url[512];
    long status = 0;
    snprintf(url, sizeof url, "%s/%s", own->check_url, order_number);
    own->length = 0;
    curl_easy_setopt(own->handle, CURLOPT_URL, url);
    CURLcode result = curl_easy_perform(own->handle);
    if (result != CURLE_OK) {
        fprintf(stderr, "curl: %s\n", curl_easy_strerror(result));
        return 0;
    }
    curl_easy_getinfo(own->handle, CURLINFO_RESPONSE_CODE, &status);
    return status == 200;
}

/* In the order of the keys below. */
struct transaction {
    const char *code, *message;
    const char *order_number, *reference, *amount, *amount_customer, *currency, *created_at,
        *status, *channel;
};
enum { OUTER = 2, INNER = 8 };
static const struct key outer_keys[OUTER] = { KEY("code"), KEY("message") };
static const struct key inner_keys[INNER] = {
    KEY("orderNumber"), KEY("reference"), KEY("amount"), KEY("amountCustomer"),
    KEY("currency"), KEY("createdAt"), KEY("status"), KEY("channel"),
};

struct transaction *gateway_check(struct gateway *own, const char *order_number)
{
    struct pool pool;
    yyjson_val *found[OUTER + INNER];
    struct transaction *transaction = NULL;
    if (!ask(own, order_number))
        return NULL;
    yyjson_doc *document = read_document(&pool, own->reply, own->length);
    yyjson_val *root = yyjson_doc_get_root(document);
    yyjson_val *inner = yyjson_obj_get(root, "transaction");
    if (yyjson_is_obj(inner)) {
        find_fields(root, outer_keys, OUTER, found);
        find_fields(inner, inner_keys, INNER, found + OUTER);
        transaction = copy_fields(found, OUTER + INNER);
    }
    yyjson_doc_free(document);
    return transaction;
}

const char *transaction_reference(const struct transaction *transaction)
{
    return transaction->reference;
}

void transaction_free(struct transaction *transaction)
{
    free(transaction);
}
