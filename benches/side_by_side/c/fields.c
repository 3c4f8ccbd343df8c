#include "fields.h"

#include <stdlib.h>
#include <string.h>

yyjson_doc *read_document(struct pool *pool, const char *text, size_t length)
{
    /* A body that is too large for the pool is parsed with malloc. */
    const yyjson_alc *allocator = NULL;
    if (yyjson_read_max_memory_usage(length, 0) <= sizeof pool->memory &&
        yyjson_alc_pool_init(&pool->allocator, pool->memory, sizeof pool->memory))
        allocator = &pool->allocator;
    /* The cast is safe: without YYJSON_READ_INSITU the text is not modified. */
    return yyjson_read_opts((char *)text, length, 0, allocator, NULL);
}

/* One pass over the object: yyjson_obj_get for each key is slower if most keys are absent. */
void find_fields(yyjson_val *object, const struct key *keys, size_t count, yyjson_val **found)
{
    size_t index, members;
    yyjson_val *name, *value;
    memset(found, 0, count * sizeof *found);
    yyjson_obj_foreach(object, index, members, name, value) {
        if (!yyjson_is_str(value))
            continue;
        for (size_t i = 0; i < count; i++) {
            if (yyjson_equals_strn(name, keys[i].text, keys[i].length)) {
                found[i] = value;
                break;
            }
        }
    }
}

void *copy_fields(yyjson_val *const *found, size_t count)
{
    size_t size = count * sizeof(char *);
    for (size_t i = 0; i < count; i++)
        if (found[i] != NULL)
            size += yyjson_get_len(found[i]) + 1;
    const char **fields = malloc(size);
    if (fields == NULL)
        return NULL;
    char *next = (char *)(fields + count);
    for (size_t i = 0; i < count; i++) {
        fields[i] = NULL;
        if (found[i] != NULL) {
            size_t with_nul = yyjson_get_len(found[i]) + 1;
            fields[i] = memcpy(next, yyjson_get_str(found[i]), with_nul);
            next += with_nul;
        }
    }
    return fields;
}
