/*
 * curl_client.c: what a careful programmer writes without flexpay: libcurl and a fast JSON parser.
 * The handle, its connection and the reply buffer are reused. With NEW_CONNECTIONS each check uses a
 * new connection.
 */

#include "fields.h"
#include "client.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_REPLY (1024 * 1024)

const int client_is_shared = 0;

struct client {
    CURL *handle;
    struct curl_slist *headers;
    char *check_url;
    char *reply;
    size_t length;
    size_t capacity;
};

static size_t receive(char *data, size_t size, size_t count, void *user)
{
    struct client *client = user;
    size_t received = size * count;
    if (client->capacity - client->length < received) {
        size_t capacity = client->capacity == 0 ? 4096 : client->capacity;
        while (capacity - client->length < received)
            capacity *= 2;
        char *grown = capacity > MAX_REPLY ? NULL : realloc(client->reply, capacity);
        if (grown == NULL)
            return 0;
        client->reply = grown;
        client->capacity = capacity;
    }
    memcpy(client->reply + client->length, data, received);
    client->length += received;
    return received;
}

struct client *client_new(const char *check_url, const char *ca_file, const char *token)
{
    char authorization[1024];
    struct client *client = calloc(1, sizeof *client);
    if (client == NULL)
        return NULL;
    snprintf(authorization, sizeof authorization, "Authorization: Bearer %s", token);
    client->check_url = strdup(check_url);
    client->headers = curl_slist_append(NULL, authorization);
    client->handle = curl_easy_init();
    if (client->check_url == NULL || client->headers == NULL || client->handle == NULL) {
        client_free(client);
        return NULL;
    }
    curl_easy_setopt(client->handle, CURLOPT_HTTPHEADER, client->headers);
    curl_easy_setopt(client->handle, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(client->handle, CURLOPT_WRITEDATA, client);
    curl_easy_setopt(client->handle, CURLOPT_TIMEOUT_MS, 30000L);
    curl_easy_setopt(client->handle, CURLOPT_NOSIGNAL, 1L); /* required with threads */
#ifdef NEW_CONNECTIONS
    curl_easy_setopt(client->handle, CURLOPT_FORBID_REUSE, 1L);
#endif
    if (ca_file != NULL)
        curl_easy_setopt(client->handle, CURLOPT_CAINFO, ca_file);
    return client;
}

void client_free(struct client *client)
{
    if (client == NULL)
        return;
    curl_easy_cleanup(client->handle);
    curl_slist_free_all(client->headers);
    free(client->check_url);
    free(client->reply);
    free(client);
}

static int send_check(struct client *client, const char *order_number)
{
    char url[512];
    long status = 0;
    snprintf(url, sizeof url, "%s/%s", client->check_url, order_number);
    client->length = 0;
    curl_easy_setopt(client->handle, CURLOPT_URL, url);
    CURLcode result = curl_easy_perform(client->handle);
    if (result != CURLE_OK) {
        fprintf(stderr, "curl: %s\n", curl_easy_strerror(result));
        return 0;
    }
    curl_easy_getinfo(client->handle, CURLINFO_RESPONSE_CODE, &status);
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

struct transaction *client_check(struct client *client, const char *order_number)
{
    struct pool pool;
    yyjson_val *found[OUTER + INNER];
    struct transaction *transaction = NULL;
    if (!send_check(client, order_number))
        return NULL;
    yyjson_doc *document = read_document(&pool, client->reply, client->length);
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
