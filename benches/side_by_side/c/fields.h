/* fields.h: finds the fields of a JSON object with yyjson, and copies them for the caller. */

#ifndef FIELDS_H
#define FIELDS_H

#include <stddef.h>
#include <yyjson.h>

/* Memory for a parsed document, on the stack, so that parsing does not allocate. */
struct pool {
    yyjson_alc allocator;
    char memory[16384];
};

struct key {
    const char *text;
    size_t length;
};
#define KEY(text) { text, sizeof(text) - 1 }

/* Parses a document; NULL on failure. Free it with yyjson_doc_free while the pool exists. */
yyjson_doc *read_document(struct pool *pool, const char *text, size_t length);

/* Finds the string of each key, or NULL. */
void find_fields(yyjson_val *object, const struct key *keys, size_t count, yyjson_val **found);

/* Copies the strings into one allocation that starts with a pointer to each; NULL on failure. */
void *copy_fields(yyjson_val *const *found, size_t count);

#endif
