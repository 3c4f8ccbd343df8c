/* Loads the library, uses it on a new thread, unloads it and ends the thread, many times. This program
 * is deliberately not linked with the library. */

#include "test.h"

#include <flexpay.h>
#include <pthread.h>
#include <stdlib.h>

#ifdef _WIN32
#include <windows.h>
#define dlopen(path, flags) LoadLibraryA(path)
#define dlsym(handle, name) (void *)(intptr_t)GetProcAddress(handle, name)
#define dlclose(handle) (FreeLibrary(handle) ? 0 : -1)
#define dlerror() "LoadLibrary failed"
#else
#include <dlfcn.h>
#endif

enum { ROUNDS = 50 };

static const char *library;

/* ISO C cannot cast an object pointer to a function pointer. POSIX allows this form. */
#define RESOLVE(handle, name, into) (*(void **)(&(into)) = dlsym(handle, name))

static void *load_use_unload(void *argument)
{
    long *succeeded = argument;
    flexpay_result (*from_env)(flexpay_client **, flexpay_error **);
    flexpay_result (*check)(const flexpay_client *, const char *, flexpay_transaction **,
                            flexpay_error **);
    flexpay_result (*parse)(const uint8_t *, size_t, flexpay_callback **, flexpay_error **);
    void (*client_free)(flexpay_client *);
    void (*callback_free)(flexpay_callback *);
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        printf("%s\n", dlerror());
        return NULL;
    }
    RESOLVE(handle, "flexpay_client_from_env", from_env);
    RESOLVE(handle, "flexpay_check", check);
    RESOLVE(handle, "flexpay_parse_callback", parse);
    RESOLVE(handle, "flexpay_client_free", client_free);
    RESOLVE(handle, "flexpay_callback_free", callback_free);

    static const char body[] = "{\"code\":\"0\",\"reference\":\"R\"}";
    flexpay_callback *callback;
    flexpay_client *client;
    if (parse((const uint8_t *)body, sizeof body - 1, &callback, NULL) == FLEXPAY_OK)
        ++*succeeded;
    callback_free(callback);
    /* The HTTPS request uses thread-local data of the library. Its destructors run when the thread ends. */
    if (from_env(&client, NULL) == FLEXPAY_OK &&
        check(client, "unknown", NULL, NULL) == FLEXPAY_ERROR_NOT_FOUND)
        ++*succeeded;
    client_free(client);
    if (dlclose(handle) == 0)
        ++*succeeded;
    return NULL;
}

int main(void)
{
    library = getenv("FLEXPAY_LIBRARY");
    CHECK(library != NULL);
    for (int round = 0; round < ROUNDS && library != NULL; round++) {
        pthread_t thread;
        long succeeded = 0;
        CHECK_INT(0, pthread_create(&thread, NULL, load_use_unload, &succeeded));
        CHECK_INT(0, pthread_join(thread, NULL));
        CHECK_INT(3, succeeded);
    }
    return test_end();
}
