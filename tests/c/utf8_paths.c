/* Paths are UTF-8 on every system: a certificate and a journal in a folder whose name has no letters of one
 * code page, set in the config and in the environment. */

#include "portable.h"
#include "sandbox.h"
#include "test.h"

#include <stdlib.h>

#ifdef _WIN32
#include <wchar.h>
#else
#include <sys/stat.h>
#endif

/* "caissé-Lubumbashi-收" */
#define NAME "caiss\xc3\xa9-Lubumbashi-\xe6\x94\xb6"

#ifdef _WIN32

/* The path as Windows has it, in a static buffer: it stays valid until the next call. */
static const wchar_t *wide(const char *path)
{
    static wchar_t converted[512];
    CHECK(MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, converted, 512) > 0);
    return converted;
}

static int make_folder(const char *path)
{
    return CreateDirectoryW(wide(path), NULL);
}

static FILE *open_file(const char *path, int to_write)
{
    return _wfopen(wide(path), to_write ? L"wb" : L"rb");
}

static void set_variable(const char *name, const char *value)
{
    wchar_t wide_name[64];
    wcscpy(wide_name, wide(name));
    CHECK(SetEnvironmentVariableW(wide_name, wide(value)));
}

#else

static int make_folder(const char *path)
{
    return mkdir(path, 0700) == 0;
}

static FILE *open_file(const char *path, int to_write)
{
    return fopen(path, to_write ? "wb" : "rb");
}

static void set_variable(const char *name, const char *value)
{
    setenv(name, value, 1);
}

#endif

static int exists(const char *path)
{
    FILE *file = open_file(path, 0);
    if (file != NULL)
        fclose(file);
    return file != NULL;
}

static void copy(const char *from, const char *to)
{
    char content[16384];
    FILE *source = fopen(from, "rb"), *copied = open_file(to, 1);
    CHECK(source != NULL && copied != NULL);
    if (source == NULL || copied == NULL)
        exit(2);
    size_t length = fread(content, 1, sizeof content, source);
    CHECK(length > 0 && length < sizeof content && fwrite(content, 1, length, copied) == length);
    fclose(source);
    CHECK_INT(0, fclose(copied));
}

/* Pays twice with one reference: the second time it is in the journal. Frees the client. */
static void pays_once(flexpay_client *client)
{
    flexpay_payment_request request = sandbox_request();
    flexpay_payment *payment;
    flexpay_error *error;
    CHECK_INT(FLEXPAY_OK, flexpay_pay(client, &request, &payment, &error));
    CHECK_STR(NULL, error != NULL ? error->message : NULL);
    CHECK_INT(0, payment != NULL ? payment->is_recorded : -1);
    flexpay_error_free(error);
    flexpay_payment_free(payment);
    CHECK_INT(FLEXPAY_OK, flexpay_pay(client, &request, &payment, NULL));
    CHECK_INT(1, payment != NULL ? payment->is_recorded : -1);
    flexpay_payment_free(payment);
    flexpay_client_free(client);
}

int main(void)
{
    char folder[400], certificates[500], journal[500], other_journal[500];
    flexpay_config config = sandbox_config("https", FLEXPAY_API_V1_1);
    flexpay_client *client;
    flexpay_error *error;
    snprintf(folder, sizeof folder, "%s/" NAME "-%lx", sandbox_env("TEST_FOLDER"), process_number());
    snprintf(certificates, sizeof certificates, "%s/" NAME ".pem", folder);
    snprintf(journal, sizeof journal, "%s/" NAME ".db", folder);
    snprintf(other_journal, sizeof other_journal, "%s/" NAME "-2.db", folder);
    CHECK(make_folder(folder));
    copy(config.ca_file, certificates);

    config.ca_file = certificates;
    config.journal = journal;
    CHECK_INT(FLEXPAY_OK, flexpay_client_new(&config, &client, NULL));
    CHECK(!exists(journal));
    pays_once(client);
    CHECK(exists(journal));

    set_variable("FLEXPAY_CA_FILE", certificates);
    set_variable("FLEXPAY_JOURNAL", other_journal);
    set_variable("FLEXPAY_PAY_URL", config.pay_url);
    CHECK_INT(FLEXPAY_OK, flexpay_client_from_env(&client, &error));
    CHECK_STR(NULL, error != NULL ? error->message : NULL);
    pays_once(client);
    CHECK(exists(other_journal));

    /* The message of an error has the path. */
    config.ca_file = other_journal;
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_client_new(&config, NULL, &error));
    CHECK(error != NULL && strstr(error->message, NAME "-2.db") != NULL);
    flexpay_error_free(error);
    return test_end();
}
