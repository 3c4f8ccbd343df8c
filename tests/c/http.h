/* http.h: one HTTP/1.1 exchange over a plain socket, for the sandbox's control addresses. */

#ifndef HTTP_H
#define HTTP_H

/* Sends one request to "http://a.b.c.d:port" and returns the HTTP status, 0 when there was no
 * answer. body may be NULL. Where answer is not NULL it receives the answer's body, to be freed with
 * free(). */
int http_exchange(const char *server, const char *method, const char *path, const char *body,
                  char **answer);

#endif
