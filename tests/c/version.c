/* The header and the loaded library have the same version. The header may be included twice. */

#include "test.h"

#include <flexpay.h>
#include <flexpay.h>

int main(void)
{
    char numbers[32];
    snprintf(numbers, sizeof numbers, "%d.%d.%d", FLEXPAY_VERSION_MAJOR, FLEXPAY_VERSION_MINOR,
             FLEXPAY_VERSION_PATCH);
    /* A pre-release has something behind the numbers: "1.0.0-rc.1". */
    char version[] = FLEXPAY_VERSION;
    version[strcspn(version, "-")] = '\0';
    CHECK_STR(version, numbers);
    CHECK_STR(FLEXPAY_VERSION, flexpay_version());
    CHECK(flexpay_version() == flexpay_version()); /* a static string, as documented */
    CHECK_INT(FLEXPAY_ABI_VERSION, flexpay_abi_version());
    return test_end();
}
