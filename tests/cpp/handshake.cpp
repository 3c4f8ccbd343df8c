// A library of another ABI is refused. This program has a flexpay_abi_version of its own, which the
// dynamic linker finds before the library's.

#include "check.hpp"

extern "C" std::int32_t flexpay_abi_version(void) {
    return FLEXPAY_ABI_VERSION + 41;
}

namespace {

void refuses(const flexpay::Error& error) {
    const std::string what = error.what();
    CHECK(error.code() == flexpay::Result::internal);
    CHECK(error.outcome() == flexpay::Outcome::not_sent);
    CHECK(what.find("ABI version " + std::to_string(FLEXPAY_ABI_VERSION + 41)) != what.npos);
    CHECK(what.find("ABI version " + std::to_string(FLEXPAY_ABI_VERSION)) != what.npos);
    CHECK(what.rfind("ABI version " + std::to_string(FLEXPAY_ABI_VERSION)) ==
          what.size() - ("ABI version " + std::to_string(FLEXPAY_ABI_VERSION)).size());
}

void a_client_is_refused() {
    flexpay::Config config;
    config.merchant = "ZANDO";
    config.token = "token";
    refuses(error_of([&] { return flexpay::Client(config); }));
    refuses(error_of([] { return flexpay::Client::from_environment(); }));
}

void so_is_all_else() {
    refuses(error_of([] { return flexpay::parse_callback("code=0&reference=R1"); }));
    refuses(error_of([] { return flexpay::CancelToken(); }));
}

}  // namespace

int main() {
    return run_tests({
        {"a client is refused", a_client_is_refused},
        {"so is all else", so_is_all_else},
    });
}
