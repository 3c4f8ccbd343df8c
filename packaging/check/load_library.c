/* Loads the library at the path in the first argument, as Python does, and prints its version. */

#include <stdio.h>

typedef const char *(*version_function)(void);

#ifdef _WIN32
#include <windows.h>

/* Compile with -municode: the path may have any characters. */
int wmain(int argc, wchar_t **argv) {
    HMODULE library;
    version_function version;
    if (argc != 2) {
        return 2;
    }
    /* The flags of ctypes.CDLL since Python 3.8. */
    library = LoadLibraryExW(argv[1], NULL, LOAD_LIBRARY_SEARCH_DEFAULT_DIRS | LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR);
    if (library == NULL) {
        fprintf(stderr, "error %lu\n", GetLastError());
        return 1;
    }
    version = (version_function)(void (*)(void))GetProcAddress(library, "flexpay_version");
    if (version == NULL) {
        return 1;
    }
    return puts(version()) < 0;
}
#else
#include <dlfcn.h>

int main(int argc, char **argv) {
    void *library;
    version_function version;
    if (argc != 2) {
        return 2;
    }
    library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    *(void **)&version = dlsym(library, "flexpay_version");
    if (version == NULL) {
        return 1;
    }
    return puts(version()) < 0;
}
#endif
