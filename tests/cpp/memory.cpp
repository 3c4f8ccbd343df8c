// Detects memory leaks. It calls each function many times and measures the process's resident memory
// after a tenth of the calls and at the end. A leak shows as growth between the two.
//
//     CALLS           calls of each function that needs no network (100000)
//     NETWORK_CALLS   calls of each function that uses the sandbox (1000)

#include <cstdio>
#include <fstream>
#include <utility>

#include "check.hpp"
#include "journal_file.hpp"
#include "sandbox.hpp"

namespace {

using flexpay::Result;

// The allocator may keep a little more memory. A leak of 12 bytes per call is 1 MiB in 90,000 calls.
constexpr long allowed_kib = 1024;

long resident_kib() {
    std::ifstream in("/proc/self/statm");
    long total = 0;
    long resident = 0;
    in >> total >> resident;
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

long number_from_env(const char* name, long default_value) {
    const char* value = std::getenv(name);
    return value == nullptr ? default_value : std::stol(value);
}

// Whether memory stays constant over that many calls. Prints the result.
template <typename Call>
bool stable(const char* name, long calls, Call call) {
    const long first = calls / 10;
    for (long i = 0; i < first; ++i) {
        call();
    }
    const long before = resident_kib();
    for (long i = first; i < calls; ++i) {
        call();
    }
    const long after = resident_kib();
    const bool is_stable = after - before <= allowed_kib;
    std::printf("%-6s %7ld x %-44s %6ld KiB, then %6ld KiB\n", is_stable ? "stable" : "GROWS", calls,
                name, before, after);
    std::fflush(stdout);
    return is_stable;
}

// The call must fail with this code. Otherwise the measurement would not cover the failure path.
template <typename Call>
void must_fail(Result code, Call call) {
    CHECK(error_of(call).code() == code);
}

}  // namespace

int main() {
    const long calls = number_from_env("CALLS", 100000);
    const long network_calls = number_from_env("NETWORK_CALLS", 1000);
    const flexpay::Config config = sandbox_config();
    const flexpay::Client client(config);
    int passed = 0;
    int failed = 0;
    const auto count = [&](bool good) { ++(good ? passed : failed); };

    count(stable("Client created and destroyed", calls, [&] { flexpay::Client created(config); }));
    count(stable("Client from the environment", calls,
                 [] { (void)flexpay::Client::from_environment(); }));
    count(stable("Client moved", calls, [&] {
        flexpay::Client created(config);
        const flexpay::Client moved = std::move(created);
    }));
    flexpay::Config no_merchant = config;
    no_merchant.merchant.clear();
    count(stable("Client refused", calls,
                 [&] { must_fail(Result::invalid, [&] { flexpay::Client none(no_merchant); }); }));
    count(stable("CancelToken", calls, [] {
        const flexpay::CancelToken token;
        token.cancel();
    }));

    const std::string body = R"({"code":"0","reference":"R1","orderNumber":"O1","amount":"25.5"})";
    count(stable("parse_callback", calls, [&] { CHECK(flexpay::parse_callback(body).code == "0"); }));
    count(stable("parse_callback, unreadable", calls, [] {
        must_fail(Result::callback, [] { return flexpay::parse_callback("[]"); });
    }));

    count(stable("normalize_phone", calls,
                 [] { CHECK(flexpay::normalize_phone("0812345678") == "243812345678"); }));
    count(stable("normalize_phone, refused", calls, [] {
        must_fail(Result::invalid, [] { return flexpay::normalize_phone("+33 6 12 34 56 78"); });
    }));

    flexpay::PaymentRequest wrong = sandbox_request();
    wrong.amount = "25.505";
    count(stable("pay, refused by the library", calls,
                 [&] { must_fail(Result::invalid, [&] { return client.pay(wrong); }); }));
    count(stable("check, refused by the library", calls,
                 [&] { must_fail(Result::invalid, [&] { return client.check(""); }); }));
    flexpay::MobileRequest wrong_phone = mobile_request();
    wrong_phone.phone = "812345678";
    count(stable("pay_mobile, refused by the library", calls,
                 [&] { must_fail(Result::invalid, [&] { return client.pay_mobile(wrong_phone); }); }));
    const flexpay::PayoutRequest not_allowed = payout_request();
    count(stable("payout, refused by the library", calls,
                 [&] { must_fail(Result::invalid, [&] { return client.payout(not_allowed); }); }));
    const flexpay::CancelToken cancelled;
    cancelled.cancel();
    flexpay::WaitOptions at_once;
    at_once.cancel = &cancelled;
    count(stable("wait, cancelled before it starts", calls,
                 [&] { must_fail(Result::cancelled, [&] { return client.wait("O1", at_once); }); }));
    const flexpay::Expected expected{wrong.reference, "25.50", "USD", std::nullopt, std::nullopt};
    count(stable("verify_callback, unreadable", calls, [&] {
        must_fail(Result::callback, [&] { return client.verify_callback("[]", expected); });
    }));
    count(stable("names and versions", calls, [] {
        CHECK(flexpay::name(Result::ok) == "OK");
        CHECK(flexpay::version() == FLEXPAY_VERSION);
    }));

    const flexpay::PaymentRequest paid = sandbox_request();
    const std::string order = client.pay(paid).order_number.value();
    decide(order, "approve");
    const std::string callback =
        R"({"code":"0","reference":")" + paid.reference + R"(","orderNumber":")" + order + R"("})";
    const flexpay::Expected good{paid.reference, paid.amount, paid.currency, order, std::nullopt};
    const flexpay::Expected other{paid.reference, "1", paid.currency, order, std::nullopt};
    count(stable("pay", network_calls, [&] { CHECK(client.pay(sandbox_request()).order_number); }));
    count(stable("check", network_calls, [&] { CHECK(client.check(order).amount_minor == 2550); }));
    count(stable("check, not found", network_calls,
                 [&] { must_fail(Result::not_found, [&] { return client.check("no-such-order"); }); }));
    count(stable("wait", network_calls,
                 [&] { CHECK(client.wait(order).state == flexpay::State::paid); }));
    count(stable("verify_callback", network_calls, [&] {
        CHECK(client.verify_callback(callback, good).state == flexpay::State::paid);
    }));
    count(stable("verify_callback, mismatch", network_calls, [&] {
        must_fail(Result::mismatch, [&] { return client.verify_callback(callback, other); });
    }));
    flexpay::Config with_payouts = config;
    with_payouts.allow_payout = true;
    with_payouts.trace = true;
    const flexpay::Client payer(with_payouts);
    flexpay::PayoutRequest not_received = payout_request();
    not_received.phone = "0810000004";
    count(stable("pay_mobile, with a trace", network_calls,
                 [&] { CHECK(payer.pay_mobile(mobile_request()).trace); }));
    count(stable("payout, with a trace", network_calls, [&] {
        flexpay::PayoutRequest request = payout_request();
        request.amount = "0.01"; // the merchant of the sandbox has 5000 dollars
        CHECK(payer.payout(request).trace);
    }));
    count(stable("payout, refused by the gateway, with a trace", network_calls, [&] {
        must_fail(Result::refused, [&] { return payer.payout(not_received); });
    }));
    count(stable("check, with a trace", network_calls, [&] { CHECK(payer.check(order).trace); }));
    count(stable("Client created, used and destroyed", network_calls,
                 [&] { CHECK(flexpay::Client(config).check(order).amount_minor == 2550); }));

    const std::string step =
        R"({"entry":null,"sender_is_alive":false,"event":{"event":"pay","reference":"R1",)"
        R"("sender":"till 1","terms":{"kind":"CARD","amount":"1","currency":"USD","phone":null}}})";
    count(stable("journal_step", calls, [&] { CHECK(!flexpay::journal_step(step).empty()); }));
    count(stable("journal_step, refused", calls, [] {
        must_fail(Result::invalid, [] { return flexpay::journal_step("{}"); });
    }));
    count(stable("settle, without a journal", calls,
                 [&] { must_fail(Result::invalid, [&] { return client.settle("R1"); }); }));

    const Journal file;
    const flexpay::Client till = file.client();
    const flexpay::PaymentRequest sold = sandbox_request();
    decide(till.pay(sold).order_number.value(), "approve");
    CHECK(till.pay(sandbox_request()).order_number); // stays open: each reconcile asks about it
    count(stable("pay, recorded before", network_calls,
                 [&] { CHECK(till.pay(sold).is_recorded); }));
    flexpay::PaymentRequest other_terms = sold;
    other_terms.amount = "1";
    count(stable("pay, refused by the journal", network_calls,
                 [&] { must_fail(Result::invalid, [&] { return till.pay(other_terms); }); }));
    count(stable("settle", network_calls,
                 [&] { CHECK(till.settle(sold.reference).state == flexpay::EntryState::paid); }));
    count(stable("reconcile", network_calls,
                 [&] { CHECK(till.reconcile().settlements.size() == 2); }));
    count(stable("journal_acknowledge", network_calls,
                 [&] { CHECK(!till.journal_acknowledge(sold.reference).to_deliver); }));
    count(stable("journal_get", network_calls,
                 [&] { CHECK(!till.journal_get(sold.reference).to_deliver); }));
    count(stable("journal_list", network_calls, [&] { CHECK(till.journal_list().size() == 2); }));
    flexpay::Resolution resolution;
    resolution.reference = sold.reference;
    resolution.state = flexpay::EntryState::not_sent;
    resolution.who = "Awa";
    resolution.why = "a test";
    count(stable("journal_resolve, refused", network_calls,
                 [&] { must_fail(Result::invalid, [&] { return till.journal_resolve(resolution); }); }));
    count(stable("journal_prune", network_calls, [&] { CHECK(till.journal_prune(1) == 0); }));
    count(stable("pay, with a journal", network_calls,
                 [&] { CHECK(till.pay(sandbox_request()).order_number); }));
    count(stable("Client with a journal created, used and destroyed", network_calls, [&] {
        CHECK(file.client().journal_get(sold.reference).state == flexpay::EntryState::paid);
    }));

    std::printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
