/* http.h: sends one HTTP/1.1 request over a plain socket, for the sandbox's control API. */

#ifndef HTTP_H
#define HTTP_H

/* Sends one request to "http://a.b.c.d:port". Returns the HTTP status, or 0 when there was no
 * response. body may be NULL. If response_body is not NULL, it receives the body of the response;
 * free it with free(). */
int http_exchange(const char *server, const char *method, const char *path, const char *body,
                  char **response_body);

#endif
