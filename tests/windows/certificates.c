/* FLEXPAY_FLAG_SYSTEM_ROOTS on Windows: the certificates that the user trusts are in the store "ROOT". */

#include "portable.h"
#include "sandbox.h"
#include "test.h"

#include <stdlib.h>

#include <wincrypt.h>

/* The result of a check over TLS. */
static flexpay_result check(uint64_t flags, const char *order_number)
{
    flexpay_config config = sandbox_config("https", FLEXPAY_API_V1_1);
    flexpay_client *client;
    flexpay_error *error;
    config.ca_file = NULL;
    config.flags = FLEXPAY_FLAG_CHECK_ONCE | flags;
    CHECK_INT(FLEXPAY_OK, flexpay_client_new(&config, &client, &error));
    CHECK_STR(NULL, error != NULL ? error->message : NULL);
    flexpay_error_free(error);
    flexpay_result result = flexpay_check(client, order_number, NULL, NULL);
    flexpay_client_free(client);
    return result;
}

/* Adds the certificate in a PEM file to the user's store. */
static PCCERT_CONTEXT trust(HCERTSTORE store, const char *path)
{
    char text[8192];
    BYTE certificate[8192];
    DWORD length = sizeof certificate;
    PCCERT_CONTEXT added = NULL;
    FILE *file = fopen(path, "rb");
    size_t count = file != NULL ? fread(text, 1, sizeof text, file) : 0;
    if (file != NULL)
        fclose(file);
    CHECK(count > 0);
    CHECK(CryptStringToBinaryA(text, (DWORD)count, CRYPT_STRING_BASE64HEADER, certificate, &length, NULL, NULL));
    CHECK(CertAddEncodedCertificateToStore(store, X509_ASN_ENCODING, certificate, length,
                                           CERT_STORE_ADD_REPLACE_EXISTING, &added));
    return added;
}

int main(void)
{
    char *order_number = sandbox_order(NULL);
    HKEY key;
    CHECK_INT(0, RegCreateKeyExW(HKEY_CURRENT_USER, L"Software\\Microsoft\\SystemCertificates\\Root", 0, NULL, 0,
                                 KEY_ALL_ACCESS, NULL, &key, NULL));
    /* In the registry: Windows would ask the user before it adds a certificate to the store itself. */
    HCERTSTORE store = CertOpenStore(CERT_STORE_PROV_REG, 0, 0, 0, key);
    CHECK(store != NULL);
    PCCERT_CONTEXT added = trust(store, sandbox_env("FLEXPAY_CA_FILE"));
    CHECK(CertControlStore(store, 0, CERT_STORE_CTRL_COMMIT, NULL));
    CHECK_INT(FLEXPAY_OK, check(FLEXPAY_FLAG_SYSTEM_ROOTS, order_number));
    CHECK_INT(FLEXPAY_ERROR_TLS, check(0, order_number));
    CHECK(CertDeleteCertificateFromStore(added));
    CHECK(CertControlStore(store, 0, CERT_STORE_CTRL_COMMIT, NULL));
    CHECK_INT(FLEXPAY_ERROR_TLS, check(FLEXPAY_FLAG_SYSTEM_ROOTS, order_number));
    CertCloseStore(store, 0);
    RegCloseKey(key);
    free(order_number);
    return test_end();
}
