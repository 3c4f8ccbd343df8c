/* Numbers that no constant has, going in and coming out. */

#include "sandbox.h"
#include "test.h"

#include <limits.h>

static const int32_t wild[] = {INT32_MIN, -1, 2, 7, 255, 65536, INT32_MAX};

static void refused(const char *name, const flexpay_config *config)
{
    flexpay_error *error;
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_client_new(config, NULL, &error));
    CHECK_STR(name, error != NULL ? error->field : "no error");
    flexpay_error_free(error);
}

int main(void)
{
    for (size_t at = 0; at < sizeof wild / sizeof *wild; at++) {
        flexpay_config config = sandbox_config("http", FLEXPAY_API_V1_1);
        config.environment = wild[at];
        refused("environment", &config);
        config = sandbox_config("http", FLEXPAY_API_V1_1);
        config.api = wild[at];
        refused("api", &config);
    }
    for (int bit = 4; bit < 64; bit++) {
        flexpay_config config = sandbox_config("http", FLEXPAY_API_V1_1);
        config.flags = FLEXPAY_FLAG_CHECK_ONCE | (uint64_t)1 << bit;
        refused("flags", &config);
    }
    static const int32_t nobodys[] = {INT32_MIN, -1, 17, 255, INT32_MAX};
    for (size_t at = 0; at < sizeof nobodys / sizeof *nobodys; at++) {
        CHECK_STR("UNRECOGNIZED", flexpay_result_name(nobodys[at]));
        CHECK_STR("UNRECOGNIZED", flexpay_outcome_name(nobodys[at]));
        CHECK_STR("UNRECOGNIZED", flexpay_state_name(nobodys[at]));
    }
    return test_end();
}
