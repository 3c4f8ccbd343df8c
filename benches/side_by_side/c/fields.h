/* fields.h: the fields of a JSON object, found with yyjson and owned by the caller. */

#ifndef FIELDS_H
#define FIELDS_H

#include <stddef.h>
#include <yyjson.h>

/* Where a document is read: on the stack, so that its reading allocates nothing. */
struct pool {
    yyjson_alc allocator;
    char memory[16384];
};

struct key {
    const char *text;
    size_t length;
};
#define KEY(text) { text, sizeof(text) - 1 }

/* Reads a document, to be freed with yyjson_doc_free before its pool goes. NULL on failure. */
yyjson_doc *read_document(struct pool *pool, const char *text, size_t length);

/* Finds the string of each key; NULL where there is none. */
void find_fields(yyjson_val *object, const struct key *keys, size_t count, yyjson_val **found);

/* Copies them into one allocation, which begins with a pointer to each. NULL on failure. */
void *copy_fields(yyjson_val *const *found, size_t count);

#endif
