/* A host that loads the library, uses it on a thread of its own, unloads it and lets the thread end,
 * again and again. Not linked with the library: that is the point. */

#include "test.h"

#include <dlfcn.h>
#include <flexpay.h>
#include <pthread.h>
#include <stdlib.h>

enum { ROUNDS = 50 };

static const char *library;

/* C has no cast from an object's pointer to a function's; POSIX has this. */
#define LOOK_UP(handle, name, into) (*(void **)(&(into)) = dlsym(handle, name))

static void *load_use_unload(void *argument)
{
    long *done = argument;
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
    LOOK_UP(handle, "flexpay_client_from_env", from_env);
    LOOK_UP(handle, "flexpay_check", check);
    LOOK_UP(handle, "flexpay_parse_callback", parse);
    LOOK_UP(handle, "flexpay_client_free", client_free);
    LOOK_UP(handle, "flexpay_callback_free", callback_free);

    static const char body[] = "{\"code\":\"0\",\"reference\":\"R\"}";
    flexpay_callback *callback;
    flexpay_client *client;
    if (parse((const uint8_t *)body, sizeof body - 1, &callback, NULL) == FLEXPAY_OK)
        ++*done;
    callback_free(callback);
    /* Over TLS and thread-locals of its own: what it leaves behind is run when the thread ends. */
    if (from_env(&client, NULL) == FLEXPAY_OK &&
        check(client, "unknown", NULL, NULL) == FLEXPAY_ERROR_NOT_FOUND)
        ++*done;
    client_free(client);
    if (dlclose(handle) == 0)
        ++*done;
    return NULL;
}

int main(void)
{
    library = getenv("FLEXPAY_LIBRARY");
    CHECK(library != NULL);
    for (int round = 0; round < ROUNDS && library != NULL; round++) {
        pthread_t thread;
        long done = 0;
        CHECK_INT(0, pthread_create(&thread, NULL, load_use_unload, &done));
        CHECK_INT(0, pthread_join(thread, NULL));
        CHECK_INT(3, done);
    }
    return test_end();
}
