#include "http.h"

#include "portable.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Returns whether it is open. */
static int open_connection(const char *server, socket_handle *connection)
{
    char host[64];
    unsigned port;
    struct sockaddr_in address;
    memset(&address, 0, sizeof address);
    if (sscanf(server, "http://%63[0-9.]:%u", host, &port) != 2)
        return 0;
    start_sockets();
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)port);
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
        return 0;
    *connection = socket(AF_INET, SOCK_STREAM, 0);
    if (!is_socket(*connection))
        return 0;
    if (connect(*connection, (struct sockaddr *)&address, sizeof address) == 0)
        return 1;
    close_socket(*connection);
    return 0;
}

static int send_all(socket_handle connection, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(connection, text, length, MSG_NOSIGNAL);
        if (sent <= 0)
            return 0;
        text += sent;
        length -= (size_t)sent;
    }
    return 1;
}

/* Reads until the server closes the connection: the request has "Connection: close". */
static char *receive_all(socket_handle connection)
{
    char *all = malloc(1);
    size_t length = 0;
    char part[4096];
    ssize_t count;
    while (all != NULL && (count = recv(connection, part, sizeof part, 0)) > 0) {
        char *larger = realloc(all, length + (size_t)count + 1);
        if (larger == NULL)
            break;
        all = larger;
        memcpy(all + length, part, (size_t)count);
        length += (size_t)count;
    }
    if (all != NULL)
        all[length] = '\0';
    return all;
}

int http_exchange(const char *server, const char *method, const char *path, const char *body,
                  char **response_body)
{
    char head[1024];
    size_t body_length = body != NULL ? strlen(body) : 0;
    int status = 0;
    socket_handle connection;
    if (response_body != NULL)
        *response_body = NULL;
    if (!open_connection(server, &connection))
        return 0;
    int length = snprintf(head, sizeof head,
                          "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n"
                          "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                          method, path, server + strlen("http://"), body_length);
    if (length > 0 && (size_t)length < sizeof head &&
        send_all(connection, head, (size_t)length) &&
        (body == NULL || send_all(connection, body, body_length))) {
        char *response = receive_all(connection);
        char *end = response != NULL ? strstr(response, "\r\n\r\n") : NULL;
        if (end != NULL && sscanf(response, "HTTP/1.1 %d", &status) == 1 && response_body != NULL) {
            memmove(response, end + 4, strlen(end + 4) + 1);
            *response_body = response;
            response = NULL;
        }
        free(response);
    }
    close_socket(connection);
    return status;
}
