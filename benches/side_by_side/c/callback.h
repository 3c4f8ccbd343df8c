/* callback.h: parsing a callback. parse.c is compiled once with each implementation. */

#ifndef CALLBACK_H
#define CALLBACK_H

#include <stddef.h>

/* Readable bytes after the body: simdjson may read past its end. */
#define BODY_PADDING 64

#ifdef __cplusplus
extern "C" {
#endif

struct callback;

/* Parses a body and copies every field. Returns NULL if it cannot be parsed. */
struct callback *callback_parse(const char *body, size_t length);
const char *callback_reference(const struct callback *callback);
void callback_free(struct callback *callback);

#ifdef __cplusplus
}
#endif

#endif
