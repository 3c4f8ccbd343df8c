/* notice.h: reading a callback. parse.c is compiled once against each contender. */

#ifndef NOTICE_H
#define NOTICE_H

#include <stddef.h>

/* What may be read behind a body though it is not part of it: simdjson wants that. */
#define NOTICE_PADDING 64

#ifdef __cplusplus
extern "C" {
#endif

struct notice;

/* Reads a body, and copies every field out. NULL when it cannot be read. */
struct notice *notice_parse(const char *body, size_t length);
const char *notice_reference(const struct notice *notice);
void notice_free(struct notice *notice);

#ifdef __cplusplus
}
#endif

#endif
