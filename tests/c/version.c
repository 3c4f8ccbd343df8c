/* The header and the library that was loaded belong together; and the header may be read twice. */

#include "test.h"

#include <flexpay.h>
#include <flexpay.h>

int main(void)
{
    char numbers[32];
    snprintf(numbers, sizeof numbers, "%d.%d.%d", FLEXPAY_VERSION_MAJOR, FLEXPAY_VERSION_MINOR,
             FLEXPAY_VERSION_PATCH);
    CHECK_STR(FLEXPAY_VERSION, numbers);
    CHECK_STR(FLEXPAY_VERSION, flexpay_version());
    CHECK(flexpay_version() == flexpay_version()); /* static, as promised */
    CHECK_INT(FLEXPAY_ABI_VERSION, flexpay_abi_version());
    return test_end();
}
