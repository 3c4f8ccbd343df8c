// A library with another ABI version is refused. This program defines flexpay_abi_version itself; the
// dynamic linker finds it before the library's function.

#include "check.hpp"

extern "C" std::int32_t flexpay_abi_version(void) {
    return FLEXPAY_ABI_VERSION + 41;
}

namespace {

void check_abi_error(const flexpay::Error& error) {
    const std::string what = error.what();
    CHECK(error.code() == flexpay::Result::internal);
    CHECK(error.outcome() == flexpay::Outcome::not_sent);
    CHECK(what.find("ABI version " + std::to_string(FLEXPAY_ABI_VERSION + 41)) != what.npos);
    CHECK(what.find("ABI version " + std::to_string(FLEXPAY_ABI_VERSION)) != what.npos);
    CHECK(what.rfind("ABI version " + std::to_string(FLEXPAY_ABI_VERSION)) ==
          what.size() - ("ABI version " + std::to_string(FLEXPAY_ABI_VERSION)).size());
}

void a_client_is_not_created() {
    flexpay::Config config;
    config.merchant = "ZANDO";
    config.token = "token";
    check_abi_error(error_of([&] { return flexpay::Client(config); }));
    check_abi_error(error_of([] { return flexpay::Client::from_environment(); }));
}

void other_calls_fail_too() {
    check_abi_error(error_of([] { return flexpay::parse_callback("code=0&reference=R1"); }));
    check_abi_error(error_of([] { return flexpay::CancelToken(); }));
    check_abi_error(error_of([] { return flexpay::normalize_phone("0812345678"); }));
}

}  // namespace

int main() {
    return run_tests({
        {"a client is not created", a_client_is_not_created},
        {"other calls fail too", other_calls_fail_too},
    });
}
