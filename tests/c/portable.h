/*
 * portable.h: what the tests need from the system, on POSIX and on Windows.
 *
 * On Windows the tests are compiled with mingw-w64, which has pthread.h, unistd.h and nanosleep.
 */

#ifndef PORTABLE_H
#define PORTABLE_H

#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#ifdef _WIN32

#include <winsock2.h> /* before windows.h */
#include <ws2tcpip.h>

#include <windows.h>

#include <process.h>

/* ---- Sockets --------------------------------------------------------------------------------- */

typedef SOCKET socket_handle;

/* A program must call this before its first socket. It may call it again. */
static inline void start_sockets(void)
{
    WSADATA ignored;
    if (WSAStartup(MAKEWORD(2, 2), &ignored) != 0)
        abort();
}

static inline int is_socket(socket_handle handle)
{
    return handle != INVALID_SOCKET;
}

static inline void close_socket(socket_handle handle)
{
    closesocket(handle);
}

/* Windows has no signal for a broken connection. */
#define MSG_NOSIGNAL 0

/* ---- The environment ------------------------------------------------------------------------- */

/* Windows has two: that of the C library, which getenv reads, and that of the process, which the library
 * reads. An empty value removes the variable from the first. */
static inline int setenv(const char *name, const char *value, int replace)
{
    (void)replace; /* the tests always replace */
    _putenv_s(name, value);
    return SetEnvironmentVariableA(name, value) ? 0 : -1;
}

static inline int unsetenv(const char *name)
{
    _putenv_s(name, "");
    return SetEnvironmentVariableA(name, NULL) ? 0 : -1;
}

/* An empty file. */
#define EMPTY_FILE "NUL"

/* A number that tells this process from those before it. Wine gives the same id to one program after the
 * other. */
static inline unsigned long process_number(void)
{
    static unsigned long number;
    if (number == 0)
        number = ((GetTickCount() << 4) ^ GetCurrentProcessId()) & 0xffffff;
    return number;
}

/* ---- Processes ------------------------------------------------------------------------------- */

typedef intptr_t program_handle;

/* Starts a program. The last argument is NULL; none contains a space. */
static inline program_handle start_program(const char *const *arguments)
{
    return _spawnv(_P_NOWAIT, arguments[0], arguments);
}

static inline int is_started(program_handle program)
{
    return program != -1;
}

/* Its exit status, or -1. */
static inline int wait_for_program(program_handle program)
{
    int status = -1;
    return _cwait(&status, program, 0) == program ? status : -1;
}

/* Ends it at once, and waits for its end. */
static inline void kill_program(program_handle program)
{
    TerminateProcess((HANDLE)program, 9);
    wait_for_program(program);
}

/* Both ends of a pipe, which programs inherit. */
static inline int make_pipe(int ends[2])
{
    return _pipe(ends, 64, 0x8000 /* _O_BINARY */);
}

#else

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/wait.h>

typedef int socket_handle;

static inline void start_sockets(void)
{
}

static inline int is_socket(socket_handle handle)
{
    return handle >= 0;
}

static inline void close_socket(socket_handle handle)
{
    close(handle);
}

#define EMPTY_FILE "/dev/null"

static inline unsigned long process_number(void)
{
    return (unsigned long)getpid();
}

typedef pid_t program_handle;

static inline program_handle start_program(const char *const *arguments)
{
    pid_t process = fork();
    if (process == 0) {
        execv(arguments[0], (char *const *)arguments);
        _exit(127);
    }
    return process;
}

static inline int is_started(program_handle program)
{
    return program > 0;
}

static inline int wait_for_program(program_handle program)
{
    int status = -1;
    if (waitpid(program, &status, 0) != program)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline void kill_program(program_handle program)
{
    kill(program, SIGKILL);
    wait_for_program(program);
}

static inline int make_pipe(int ends[2])
{
    return pipe(ends);
}

#endif

#endif
