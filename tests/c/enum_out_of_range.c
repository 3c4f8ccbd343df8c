/* Values that no constant has, as settings and as arguments of the name functions. */

#include "sandbox.h"
#include "test.h"

#include <limits.h>

static const int32_t invalid[] = {INT32_MIN, -1, 2, 7, 255, 65536, INT32_MAX};

static void refused(const char *name, const flexpay_config *config)
{
    flexpay_error *error;
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_client_new(config, NULL, &error));
    CHECK_STR(name, error != NULL ? error->field : "no error");
    flexpay_error_free(error);
}

int main(void)
{
    for (size_t at = 0; at < sizeof invalid / sizeof *invalid; at++) {
        flexpay_config config = sandbox_config("http", FLEXPAY_API_V1_1);
        config.environment = invalid[at];
        refused("environment", &config);
        config = sandbox_config("http", FLEXPAY_API_V1_1);
        config.api = invalid[at];
        refused("api", &config);
    }
    for (int bit = 4; bit < 64; bit++) {
        flexpay_config config = sandbox_config("http", FLEXPAY_API_V1_1);
        config.flags = FLEXPAY_FLAG_CHECK_ONCE | (uint64_t)1 << bit;
        refused("flags", &config);
    }
    static const int32_t unassigned[] = {INT32_MIN, -1, 17, 255, INT32_MAX};
    for (size_t at = 0; at < sizeof unassigned / sizeof *unassigned; at++) {
        CHECK_STR("UNRECOGNIZED", flexpay_result_name(unassigned[at]));
        CHECK_STR("UNRECOGNIZED", flexpay_outcome_name(unassigned[at]));
        CHECK_STR("UNRECOGNIZED", flexpay_state_name(unassigned[at]));
    }
    return test_end();
}
