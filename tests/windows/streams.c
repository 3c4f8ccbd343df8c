/* The bridge as PHP 8 starts it on Windows: without a console, with sockets as its standard streams.
 *
 *     streams PATH_OF_FLEXPAY_EXE
 */

#include "portable.h"
#include "test.h"

#include <stdio.h>
#include <string.h>

/* A connected pair of sockets. The second, for the program, is not overlapped, as a pipe is not. */
static void make_pair(SOCKET ends[2])
{
    struct sockaddr_in address;
    int length = sizeof address;
    SOCKET listener = socket(AF_INET, SOCK_STREAM, 0);
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK_INT(0, bind(listener, (struct sockaddr *)&address, length));
    CHECK_INT(0, listen(listener, 1));
    CHECK_INT(0, getsockname(listener, (struct sockaddr *)&address, &length));
    ends[1] = WSASocketW(AF_INET, SOCK_STREAM, 0, NULL, 0, 0);
    CHECK_INT(0, connect(ends[1], (struct sockaddr *)&address, length));
    ends[0] = accept(listener, NULL, NULL);
    CHECK(is_socket(ends[0]));
    closesocket(listener);
    SetHandleInformation((HANDLE)ends[0], HANDLE_FLAG_INHERIT, 0);
    SetHandleInformation((HANDLE)ends[1], HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
}

/* Reads a line, or what there is before the end. */
static void read_line(SOCKET from, char *line, size_t size)
{
    size_t length = 0;
    while (length + 1 < size && recv(from, line + length, 1, 0) == 1 && line[length] != '\n')
        length++;
    line[length] = '\0';
}

int main(int argc, char **argv)
{
    static const char hello[] = "{\"id\":0,\"call\":\"hello\",\"request\":{\"bridge\":1,\"client\":false}}\n";
    static const char phone[] = "{\"id\":1,\"call\":\"normalize_phone\",\"request\":{\"phone\":\"0812345678\"}}\r\n";
    char command[512], line[1024];
    SOCKET input[2], output[2], errors[2];
    STARTUPINFOA start;
    PROCESS_INFORMATION process;
    DWORD status = 99;
    if (argc != 2)
        return 2;
    start_sockets();
    make_pair(input);
    make_pair(output);
    make_pair(errors);
    memset(&start, 0, sizeof start);
    start.cb = sizeof start;
    start.dwFlags = STARTF_USESTDHANDLES;
    start.hStdInput = (HANDLE)input[1];
    start.hStdOutput = (HANDLE)output[1];
    start.hStdError = (HANDLE)errors[1];
    snprintf(command, sizeof command, "\"%s\" bridge", argv[1]);
    CHECK(CreateProcessA(NULL, command, NULL, NULL, TRUE, CREATE_NO_WINDOW, NULL, NULL, &start, &process));
    closesocket(input[1]);
    closesocket(output[1]);
    closesocket(errors[1]);

    CHECK(send(input[0], hello, sizeof hello - 1, 0) == sizeof hello - 1);
    read_line(output[0], line, sizeof line);
    CHECK(strstr(line, "{\"id\":0,\"ok\":{\"bridge\":1") == line);
    CHECK(send(input[0], phone, sizeof phone - 1, 0) == sizeof phone - 1);
    read_line(output[0], line, sizeof line);
    CHECK(strstr(line, "{\"id\":1,\"ok\":") == line && strstr(line, "243812345678") != NULL);

    /* The end of its input ends it. */
    closesocket(input[0]);
    read_line(output[0], line, sizeof line);
    CHECK_STR("", line);
    read_line(errors[0], line, sizeof line);
    CHECK_STR("", line);
    WaitForSingleObject(process.hProcess, INFINITE);
    CHECK(GetExitCodeProcess(process.hProcess, &status));
    CHECK_INT(0, status);
    return test_end();
}
