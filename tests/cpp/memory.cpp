// Memory stays level: each function many times over, the process's resident memory measured after a
// tenth of the calls and at the end. What a call leaks shows as growth between the two.
//
//     CALLS           of each function that needs no network (100000)
//     NETWORK_CALLS   of each that asks the sandbox (1000)

#include <cstdio>
#include <fstream>
#include <utility>

#include "check.hpp"
#include "sandbox.hpp"

namespace {

using flexpay::Result;

// An allocator may keep a little more than it did; a leak of 12 bytes a call is 1 MiB in 90,000.
constexpr long allowed_kib = 1024;

long resident_kib() {
    std::ifstream in("/proc/self/statm");
    long total = 0;
    long resident = 0;
    in >> total >> resident;
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

long number_of(const char* name, long otherwise) {
    const char* value = std::getenv(name);
    return value == nullptr ? otherwise : std::stol(value);
}

// Whether memory is level over that many calls. Told either way.
template <typename Call>
bool level(const char* name, long calls, Call call) {
    const long first = calls / 10;
    for (long i = 0; i < first; ++i) {
        call();
    }
    const long before = resident_kib();
    for (long i = first; i < calls; ++i) {
        call();
    }
    const long after = resident_kib();
    const bool good = after - before <= allowed_kib;
    std::printf("%-6s %7ld x %-40s %6ld KiB, then %6ld KiB\n", good ? "level" : "GROWS", calls, name,
                before, after);
    std::fflush(stdout);
    return good;
}

// The call must fail like this, so that a test that came to nothing is noticed.
template <typename Call>
void must_fail(Result code, Call call) {
    CHECK(error_of(call).code() == code);
}

}  // namespace

int main() {
    const long calls = number_of("CALLS", 100000);
    const long network_calls = number_of("NETWORK_CALLS", 1000);
    const flexpay::Config config = sandbox_config();
    const flexpay::Client client(config);
    int passed = 0;
    int failed = 0;
    const auto count = [&](bool good) { ++(good ? passed : failed); };

    count(level("Client made and destroyed", calls, [&] { flexpay::Client made(config); }));
    count(level("Client from the environment", calls,
                [] { (void)flexpay::Client::from_environment(); }));
    count(level("Client moved", calls, [&] {
        flexpay::Client made(config);
        const flexpay::Client moved = std::move(made);
    }));
    flexpay::Config nobody = config;
    nobody.merchant.clear();
    count(level("Client refused", calls,
                [&] { must_fail(Result::invalid, [&] { flexpay::Client none(nobody); }); }));
    count(level("CancelToken", calls, [] {
        const flexpay::CancelToken token;
        token.cancel();
    }));

    const std::string body = R"({"code":"0","reference":"R1","orderNumber":"O1","amount":"25.5"})";
    count(level("parse_callback", calls, [&] { CHECK(flexpay::parse_callback(body).code == "0"); }));
    count(level("parse_callback, unreadable", calls, [] {
        must_fail(Result::callback, [] { return flexpay::parse_callback("[]"); });
    }));

    flexpay::PaymentRequest wrong = sandbox_request();
    wrong.amount = "25.505";
    count(level("pay, refused here", calls,
                [&] { must_fail(Result::invalid, [&] { return client.pay(wrong); }); }));
    count(level("check, refused here", calls,
                [&] { must_fail(Result::invalid, [&] { return client.check(""); }); }));
    const flexpay::CancelToken cancelled;
    cancelled.cancel();
    flexpay::WaitOptions at_once;
    at_once.cancel = &cancelled;
    count(level("wait, cancelled before", calls,
                [&] { must_fail(Result::cancelled, [&] { return client.wait("O1", at_once); }); }));
    const flexpay::Expected expected{wrong.reference, "25.50", "USD", std::nullopt, std::nullopt};
    count(level("verify_callback, unreadable", calls, [&] {
        must_fail(Result::callback, [&] { return client.verify_callback("[]", expected); });
    }));
    count(level("names and versions", calls, [] {
        CHECK(flexpay::name(Result::ok) == "OK");
        CHECK(flexpay::version() == FLEXPAY_VERSION);
    }));

    const flexpay::PaymentRequest paid = sandbox_request();
    const std::string order = client.pay(paid).order_number.value();
    decide(order, "approve");
    const std::string notice =
        R"({"code":"0","reference":")" + paid.reference + R"(","orderNumber":")" + order + R"("})";
    const flexpay::Expected good{paid.reference, paid.amount, paid.currency, order, std::nullopt};
    const flexpay::Expected other{paid.reference, "1", paid.currency, order, std::nullopt};
    count(level("pay", network_calls, [&] { CHECK(client.pay(sandbox_request()).order_number); }));
    count(level("check", network_calls, [&] { CHECK(client.check(order).amount_minor == 2550); }));
    count(level("check, not found", network_calls,
                [&] { must_fail(Result::not_found, [&] { return client.check("nobody"); }); }));
    count(level("wait", network_calls,
                [&] { CHECK(client.wait(order).state == flexpay::State::paid); }));
    count(level("verify_callback", network_calls, [&] {
        CHECK(client.verify_callback(notice, good).state == flexpay::State::paid);
    }));
    count(level("verify_callback, mismatch", network_calls, [&] {
        must_fail(Result::mismatch, [&] { return client.verify_callback(notice, other); });
    }));
    count(level("Client made, used and destroyed", network_calls,
                [&] { CHECK(flexpay::Client(config).check(order).amount_minor == 2550); }));

    std::printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
