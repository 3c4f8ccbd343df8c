// Tests against the sandbox, and main(). The tests of without_network.cpp run first, those of journal.cpp
// last.

#include <cstdlib>
#include <future>
#include <thread>

#include "journal.hpp"
#include "sandbox.hpp"
#include "without_network.hpp"

namespace {

using flexpay::Outcome;
using flexpay::Result;
using flexpay::State;

flexpay::Client client() {
    return flexpay::Client(sandbox_config());
}

// Requests a payment and returns its order number.
std::string order_of(const flexpay::Client& client, const flexpay::PaymentRequest& request) {
    return client.pay(request).order_number.value();
}

// Short intervals keep the tests fast.
flexpay::WaitOptions short_intervals() {
    flexpay::WaitOptions options;
    options.interval = std::chrono::milliseconds(1);
    options.max_interval = std::chrono::milliseconds(5);
    options.failed_grace = std::chrono::milliseconds(1);
    return options;
}

std::string callback_body(const std::string& reference, const std::string& order_number) {
    return R"({"code":"0","reference":")" + reference + R"(","provider_reference":"P1",)" +
           R"("orderNumber":")" + order_number + R"("})";
}

void a_payment_is_requested_and_then_paid() {
    const auto client = flexpay::Client::from_environment();
    const flexpay::PaymentRequest request = sandbox_request();
    const flexpay::Payment payment = client.pay(request);
    CHECK(payment.redirect_url && payment.redirect_url->find("/checkout/") != std::string::npos);
    CHECK(payment.order_number && !payment.order_number->empty());
    CHECK(payment.code == "0");
    CHECK(payment.message);
    CHECK(!payment.page);

    const flexpay::Transaction pending = client.check(*payment.order_number);
    CHECK(pending.state == State::pending);
    CHECK(pending.status == "2");
    CHECK(pending.order_number == *payment.order_number);
    CHECK(pending.reference == request.reference);
    CHECK(pending.amount == "25.50");
    CHECK(pending.amount_minor == 2550);
    CHECK(pending.currency == "USD");
    CHECK(pending.created_at && pending.created_at->size() == 19);
    CHECK(pending.code == "0");
    CHECK(pending.message);
    CHECK(pending.raw && pending.raw->find(request.reference) != std::string::npos);

    decide(*payment.order_number, "approve");
    CHECK(client.wait(*payment.order_number).state == State::paid);
}

void every_field_of_a_request_arrives() {
    flexpay::PaymentRequest request = sandbox_request();
    request.description = "Deux sacs de riz à 25,50";
    request.home_url = "https://shop.example/";
    flexpay::Config config = sandbox_config();
    config.app_name = "BoutiqueZando/2.1";
    const std::string stored =
        control("GET", "payments/" + order_of(flexpay::Client(config), request));
    CHECK(control("GET", "requests").find("BoutiqueZando/2.1 flexpay/") != std::string::npos);
    for (const std::string& field :
         {R"("reference":")" + request.reference + '"', std::string(R"("amount":"25.50")"),
          std::string(R"("currency":"USD")"),
          std::string(R"("description":"Deux sacs de riz à 25,50")"),
          std::string(R"("callback_url":"https://shop.example/callback")"),
          std::string(R"("approve_url":"https://shop.example/ok")"),
          std::string(R"("cancel_url":"https://shop.example/cancel")"),
          std::string(R"("decline_url":"https://shop.example/no")"),
          std::string(R"("home_url":"https://shop.example/")"),
          std::string(R"("merchant":"ZANDO")")}) {
        if (stored.find(field) == std::string::npos) {
            throw std::logic_error(field + " did not arrive: " + stored);
        }
    }
}

void every_field_of_a_reply_is_parsed() {
    inject("check", R"({"kind":"reply","status":200,"body":"{\"code\":\"0\",\"message\":\"Trouvée\",)"
                    R"(\"transaction\":{\"orderNumber\":\"O1\",\"reference\":\"R1\",\"amount\":\"50.0\",)"
                    R"(\"amountCustomer\":\"51.0\",\"currency\":\"CDF\",\"channel\":\"visa\",)"
                    R"(\"createdAt\":\"06-02-2021 17:32:46\",\"status\":\"0\"}}"})");
    const flexpay::Transaction transaction = client().check("O1");
    CHECK(transaction.state == State::paid);
    CHECK(transaction.status == "0");
    CHECK(transaction.order_number == "O1");
    CHECK(transaction.reference == "R1");
    CHECK(transaction.amount == "50.00");
    CHECK(transaction.amount_minor == 5000);
    CHECK(transaction.amount_customer == "51.00");
    CHECK(transaction.amount_customer_minor == 5100);
    CHECK(transaction.currency == "CDF");
    CHECK(transaction.created_at == "2021-02-06T17:32:46");
    CHECK(transaction.channel == "visa");
    CHECK(transaction.code == "0");
    CHECK(transaction.message == "Trouvée");
}

void fields_missing_from_a_reply_are_absent() {
    flexpay::Config config = sandbox_config();
    config.api = flexpay::Api::v1;
    config.pay_url = environment("SANDBOX_URL") + "/v1/pay";
    const flexpay::Payment payment = flexpay::Client(config).pay(sandbox_request());
    CHECK(payment.redirect_url);
    CHECK(!payment.order_number && !payment.code && !payment.message && !payment.page);

    // The shortest reply that can be parsed.
    inject("check", R"({"kind":"reply","status":200,"body":"{\"code\":0,\"transaction\":{}}"})");
    const flexpay::Transaction transaction = client().check("O1");
    CHECK(transaction.state == State::unknown);
    CHECK(transaction.order_number == "O1");
    CHECK(transaction.code == "0");
    CHECK(transaction.raw == R"({"code":0,"transaction":{}})");
    CHECK(!transaction.amount_minor && !transaction.amount_customer_minor);
    for (const auto& absent : {transaction.status, transaction.reference, transaction.amount,
                               transaction.amount_customer, transaction.currency,
                               transaction.created_at, transaction.channel, transaction.message}) {
        CHECK(!absent);
    }
}

void a_page_is_returned() {
    flexpay::Config config = sandbox_config();
    config.api = flexpay::Api::v1;
    config.pay_url = environment("SANDBOX_URL") + "/v1/pay";
    const std::string page = "<form action='https://gwvisa.flexpay.cd/checkout' method='post'></form>";
    inject("pay", R"({"kind":"reply","status":200,"body":")" + page + R"("})");
    const flexpay::Payment payment = flexpay::Client(config).pay(sandbox_request());
    CHECK(payment.page == page);
    CHECK(!payment.redirect_url);
}

void a_wait_ends_with_every_final_state() {
    const flexpay::Client till = client();
    const std::string order = order_of(till, sandbox_request());
    const std::pair<const char*, State> final_states[] = {
        {"decline", State::failed},      {"cancel", State::cancelled}, {"approve", State::paid},
        {"refunding", State::refunding}, {"refunded", State::refunded},
    };
    for (const auto& [decision, state] : final_states) {
        decide(order, decision);
        CHECK(till.wait(order, short_intervals()).state == state);
    }
}

void a_wait_that_times_out_reports_the_last_state() {
    const flexpay::Client till = client();
    flexpay::WaitOptions options = short_intervals();
    options.timeout = std::chrono::milliseconds(100);
    const std::string order = order_of(till, sandbox_request());
    const flexpay::Error error = error_of([&] { return till.wait(order, options); });
    CHECK(error.code() == Result::timeout);
    CHECK(error.outcome() == Outcome::unknown);
    CHECK(std::string(error.what()).find("last seen: ") != std::string::npos);
}

void a_wait_is_cancelled_from_another_thread() {
    const flexpay::Client till = client();
    const std::string order = order_of(till, sandbox_request());
    flexpay::CancelToken token;
    flexpay::WaitOptions options = short_intervals();
    options.cancel = &token;
    auto waiting = std::async(std::launch::async, [&] { return till.wait(order, options); });
    // The wait has started when the sandbox has counted a check.
    while (control("GET", "payments/" + order).find(R"("checks":0,)") != std::string::npos) {
        std::this_thread::yield();
    }
    token.cancel();
    const flexpay::Error error = error_of([&] { return waiting.get(); });
    CHECK(error.code() == Result::cancelled);
    CHECK(error.outcome() == Outcome::unknown);
}

void a_callback_is_verified() {
    const flexpay::Client shop = client();
    const flexpay::PaymentRequest request = sandbox_request();
    const std::string order = order_of(shop, request);
    const std::string body = callback_body(request.reference, order);
    flexpay::Expected expected{request.reference, request.amount, request.currency, order, std::nullopt};

    // The callback claims success, but the order is pending.
    CHECK(flexpay::parse_callback(body).claims_success);
    CHECK(shop.verify_callback(body, expected).state == State::pending);
    decide(order, "approve");
    CHECK(shop.verify_callback(body, expected).state == State::paid);
    expected.order_number.reset();
    expected.amount = "25.5";
    CHECK(shop.verify_callback(body, expected).amount_minor == 2550);

    expected.amount = "25.51";
    const flexpay::Error mismatch = error_of([&] { return shop.verify_callback(body, expected); });
    CHECK(mismatch.code() == Result::mismatch);
    CHECK(std::string(mismatch.what()).find("amount") != std::string::npos);

    expected.amount = request.amount;
    expected.order_number = order_of(shop, sandbox_request());
    const flexpay::Error other = error_of([&] { return shop.verify_callback(body, expected); });
    CHECK(other.code() == Result::mismatch);

    const flexpay::Error unreadable = error_of([&] { return shop.verify_callback("[]", expected); });
    CHECK(unreadable.code() == Result::callback);
}

void an_order_is_verified_without_a_callback() {
    const flexpay::Client shop = client();
    const flexpay::PaymentRequest request = sandbox_request();
    const std::string order = order_of(shop, request);
    const flexpay::Expected right{request.reference, "25.5", request.currency, order, std::nullopt};
    const auto wait = [&](const flexpay::Expected& expected) {
        flexpay::WaitOptions options = short_intervals();
        options.expected = expected;
        return shop.wait(order, options);
    };

    CHECK(shop.verify_order(right).state == State::pending);
    decide(order, "approve");
    CHECK(shop.verify_order(right).state == State::paid);
    CHECK(wait(right).state == State::paid);

    const auto differs = [&](const char* field, auto member) {
        flexpay::Expected other = right;
        other.*member = std::string(field) == "amount" ? "25.51" : "CDF";
        const flexpay::Error verified = error_of([&] { return shop.verify_order(other); });
        CHECK(verified.code() == Result::mismatch && verified.field() == field);
        CHECK(verified.outcome() == Outcome::refused);
        const flexpay::Error waited = error_of([&] { return wait(other); });
        CHECK(waited.code() == Result::mismatch && waited.field() == field);
        CHECK(waited.outcome() == Outcome::unknown);
    };
    differs("reference", &flexpay::Expected::reference);
    differs("amount", &flexpay::Expected::amount);
    differs("currency", &flexpay::Expected::currency);

    flexpay::Expected expected = right;
    expected.order_number.reset();
    CHECK(wait(expected).state == State::paid);
    const flexpay::Error missing = error_of([&] { return shop.verify_order(expected); });
    CHECK(missing.code() == Result::invalid && missing.field() == "order_number");
    expected.order_number = "another";
    const flexpay::Error another = error_of([&] { return wait(expected); });
    CHECK(another.code() == Result::invalid && another.field() == "order_number");
    const flexpay::Error unknown = error_of([&] { return shop.verify_order(expected); });
    CHECK(unknown.code() == Result::not_found);
}

void a_callback_requires_a_signed_address() {
    flexpay::Config config = sandbox_config();
    config.callback_secret = "a secret of the shop, made for this test";
    const flexpay::PaymentRequest request = sandbox_request();
    const std::string order = order_of(flexpay::Client(config), request);
    const std::string stored = control("GET", "payments/" + order);
    const std::string address = R"("callback_url":"https://shop.example/callback?)";
    const std::string::size_type query = stored.find(address) + address.size();
    CHECK(stored.find(address) != stored.npos);

    flexpay::Expected expected{request.reference, request.amount, request.currency, order,
                               stored.substr(query, stored.find('"', query) - query)};
    const std::string body = callback_body(request.reference, order);
    CHECK(flexpay::Client(config).verify_callback(body, expected).state == State::pending);

    // The secret is changed; the old one is still accepted as the previous one.
    config.callback_secret_previous = config.callback_secret;
    config.callback_secret = "another secret of the shop, for this test";
    CHECK(flexpay::Client(config).verify_callback(body, expected).state == State::pending);
    config.callback_secret_previous.reset();
    const flexpay::Client later(config);
    const flexpay::Error old = error_of([&] { return later.verify_callback(body, expected); });
    CHECK(old.code() == Result::mismatch);
    CHECK(old.field() == "query");
    expected.query.reset();
    const flexpay::Error none = error_of([&] { return later.verify_callback(body, expected); });
    CHECK(none.code() == Result::invalid);
    CHECK(none.outcome() == Outcome::not_sent);
    CHECK(none.field() == "query");
}

// Expects this mobile payment.
flexpay::Expected expected_of(const flexpay::MobileRequest& request, const std::string& order) {
    flexpay::Expected expected{request.reference, request.amount, request.currency, order, std::nullopt};
    expected.kind = flexpay::Kind::mobile;
    return expected;
}

flexpay::Client client_with_payouts() {
    flexpay::Config config = sandbox_config();
    config.allow_payout = true;
    return flexpay::Client(config);
}

void a_mobile_payment_is_requested_and_then_confirmed() {
    const auto till = flexpay::Client::from_environment();
    const flexpay::MobileRequest request = mobile_request();
    const flexpay::Payment payment = till.pay_mobile(request);
    CHECK(!payment.redirect_url && !payment.page && !payment.trace);
    CHECK(payment.code == "0");
    CHECK(payment.message && payment.message->find("Veuillez valider") != std::string::npos);
    const std::string order = payment.order_number.value();
    CHECK(till.verify_order(expected_of(request, order)).state == State::pending);

    decide(order, "approve");
    flexpay::WaitOptions options = short_intervals();
    options.expected = expected_of(request, order);
    const flexpay::Transaction transaction = till.wait(order, options);
    CHECK(transaction.state == State::paid);
    CHECK(transaction.reference == request.reference);
    CHECK(transaction.amount_minor == 2550);
    CHECK(transaction.channel == "mpesa");
    CHECK(!transaction.trace);
}

void a_mobile_payment_is_refused_or_expires() {
    const flexpay::Client till = client();
    for (const char* decision : {"decline", "expire"}) {
        const flexpay::MobileRequest request = mobile_request();
        const std::string order = till.pay_mobile(request).order_number.value();
        decide(order, decision);
        flexpay::WaitOptions options = short_intervals();
        options.expected = expected_of(request, order);
        CHECK(till.wait(order, options).state == State::failed);
    }
    flexpay::MobileRequest without_credit = mobile_request();
    without_credit.phone = "0810000003";
    const flexpay::Error error = error_of([&] { return till.pay_mobile(without_credit); });
    CHECK(error.code() == Result::refused);
    CHECK(error.outcome() == Outcome::refused);
    CHECK(error.gateway_message() == "Insufficient funds");
}

void every_field_of_a_mobile_request_arrives() {
    flexpay::MobileRequest request = mobile_request();
    request.amount = "0.50";
    request.phone = "+243 (97) 234-56.78";
    request.description = "Deux sacs de riz à 0,50";
    request.approve_url = "https://shop.example/ok";
    request.cancel_url = "https://shop.example/cancel";
    request.decline_url = "https://shop.example/no";
    request.return_url = "https://shop.example/back";
    const std::string order = client().pay_mobile(request).order_number.value();
    const std::string stored = control("GET", "payments/" + order);
    for (const std::string& field :
         {R"("reference":")" + request.reference + '"', std::string(R"("kind":"mobile")"),
          std::string(R"("amount":"0.5")"), std::string(R"("currency":"USD")"),
          std::string(R"("phone":"243972345678")"),
          std::string(R"("description":"Deux sacs de riz à 0,50")"),
          std::string(R"("callback_url":"https://shop.example/callback")"),
          std::string(R"("approve_url":"https://shop.example/ok")"),
          std::string(R"("cancel_url":"https://shop.example/cancel")"),
          std::string(R"("decline_url":"https://shop.example/no")"),
          std::string(R"("return_url":"https://shop.example/back")")}) {
        if (stored.find(field) == std::string::npos) {
            throw std::logic_error(field + " did not arrive: " + stored);
        }
    }
}

void a_payment_by_card_is_no_mobile_payment() {
    const flexpay::Client shop = client();
    const flexpay::PaymentRequest request = sandbox_request();
    const std::string order = order_of(shop, request);
    decide(order, "approve");
    flexpay::Expected expected{request.reference, request.amount, request.currency, order, std::nullopt};
    CHECK(shop.verify_order(expected).state == State::paid);
    for (const flexpay::Kind kind : {flexpay::Kind::mobile, flexpay::Kind::payout}) {
        expected.kind = kind;
        const flexpay::Error error = error_of([&] { return shop.verify_order(expected); });
        CHECK(error.code() == Result::mismatch);
        CHECK(error.field() == "kind");
    }
}

void a_signed_address_is_for_one_kind() {
    flexpay::Config config = sandbox_config();
    config.callback_secret = "a secret of the shop, made for this test";
    const flexpay::Client shop(config);
    const flexpay::MobileRequest request = mobile_request();
    const std::string order = shop.pay_mobile(request).order_number.value();
    const std::string stored = control("GET", "payments/" + order);
    const std::string address = R"("callback_url":"https://shop.example/callback?)";
    CHECK(stored.find(address) != stored.npos);
    const std::string::size_type query = stored.find(address) + address.size();

    flexpay::Expected expected = expected_of(request, order);
    expected.query = stored.substr(query, stored.find('"', query) - query);
    const std::string body = callback_body(request.reference, order);
    CHECK(shop.verify_callback(body, expected).state == State::pending);
    for (const flexpay::Kind kind : {flexpay::Kind::card, flexpay::Kind::payout}) {
        expected.kind = kind;
        const flexpay::Error error = error_of([&] { return shop.verify_callback(body, expected); });
        CHECK(error.code() == Result::mismatch);
        CHECK(error.outcome() == Outcome::not_sent);
        CHECK(error.field() == "query");
    }
}

void a_payout_is_made() {
    const flexpay::Client payer = client_with_payouts();
    const flexpay::PayoutRequest request = payout_request();
    const flexpay::Payment payout = payer.payout(request);
    CHECK(!payout.redirect_url && !payout.page);
    CHECK(payout.code == "0");
    const std::string order = payout.order_number.value();
    const std::string stored = control("GET", "payments/" + order);
    CHECK(stored.find(R"("kind":"payout")") != stored.npos);
    CHECK(stored.find(R"("phone":"243812345678")") != stored.npos);
    CHECK(stored.find(R"("amount":"25.5")") != stored.npos);

    flexpay::Expected expected{request.reference, request.amount, request.currency, order, std::nullopt};
    expected.kind = flexpay::Kind::payout;
    CHECK(payer.verify_order(expected).state == State::paid);
    CHECK(payer.verify_callback(callback_body(request.reference, order), expected).state == State::paid);
}

void a_payout_is_sent_at_most_once() {
    flexpay::Config config = sandbox_config();
    config.allow_payout = true;
    config.timeout = std::chrono::milliseconds(1000);
    const flexpay::Client payer(config);
    const std::pair<const char*, Result> faults[] = {
        {R"({"kind":"reset_after_reading"})", Result::connection},
        {R"({"kind":"close_after_reading"})", Result::connection},
        {R"({"kind":"html","status":500,"record":true})", Result::gateway},
        {R"({"kind":"malformed_json"})", Result::reply},
        {R"({"kind":"stall_after","bytes":0})", Result::timeout},
    };
    for (const auto& [fault, code] : faults) {
        inject("payout", fault);
        const flexpay::PayoutRequest request = payout_request();
        const flexpay::Error error = error_of([&] { return payer.payout(request); });
        CHECK(error.code() == code);
        CHECK(error.outcome() == Outcome::unknown);
        CHECK(std::string(error.what()).find(request.reference) != std::string::npos);
        CHECK(requests_with(request.reference) == 1);
    }
}

void a_reply_without_an_order_number_is_unknown() {
    inject("mobile", R"({"kind":"reply","status":200,"body":"{\"code\":\"0\"}"})");
    const flexpay::Error error = error_of([] { return client().pay_mobile(mobile_request()); });
    CHECK(error.code() == Result::reply);
    CHECK(error.outcome() == Outcome::unknown);
    CHECK(error.field() == "order_number");
}

void every_result_has_a_trace_with_the_flag() {
    flexpay::Config config = sandbox_config();
    config.allow_payout = true;
    config.trace = true;
    const flexpay::Client traced(config);
    const auto check_trace = [&](const std::optional<std::string>& trace, const std::string& call,
                                 const std::string& id) {
        CHECK(trace);
        if (trace->find(R"({"call":")" + call + R"(","correlation_id":")" + id + R"(","steps":[)") != 0 ||
            trace->find(R"("step":"reply","status":200)") == std::string::npos ||
            trace->find(R"("step":"end","result":)") == std::string::npos) {
            throw std::logic_error("not a trace of " + call + ": " + *trace);
        }
        CHECK(trace->find(config.token) == std::string::npos);
    };
    flexpay::PaymentRequest card = sandbox_request();
    card.correlation_id = "id-1";
    check_trace(traced.pay(card).trace, "pay", "id-1");
    flexpay::MobileRequest mobile = mobile_request();
    mobile.correlation_id = "id-2";
    const flexpay::Payment payment = traced.pay_mobile(mobile);
    check_trace(payment.trace, "pay_mobile", "id-2");
    flexpay::PayoutRequest payout = payout_request();
    payout.correlation_id = "id-3";
    check_trace(traced.payout(payout).trace, "payout", "id-3");

    const std::string order = payment.order_number.value();
    decide(order, "approve");
    CHECK(traced.check(order).trace);
    flexpay::WaitOptions options = short_intervals();
    options.expected = expected_of(mobile, order);
    options.expected->correlation_id = "id-5";
    options.correlation_id = "id-4";
    check_trace(traced.wait(order, options).trace, "wait", "id-4");
    check_trace(traced.verify_order(*options.expected).trace, "verify_order", "id-5");
    check_trace(traced.verify_callback(callback_body(mobile.reference, order), *options.expected).trace,
                "verify_callback", "id-5");

    options.expected->amount = "1";
    check_trace(error_of([&] { return traced.verify_order(*options.expected); }).trace(),
                "verify_order", "id-5");
}

void a_refusal_contains_the_gateways_message() {
    inject("pay", R"({"kind":"reply","status":400,"headers":[["Content-Type","application/json"]],)"
                  R"("body":"{\"code\":\"7\",\"message\":\"Référence déjà utilisée\"}"})");
    const flexpay::Error error = error_of([] { return client().pay(sandbox_request()); });
    CHECK(error.code() == Result::refused);
    CHECK(error.outcome() == Outcome::refused);
    CHECK(error.http_status() == 400);
    CHECK(error.gateway_code() == "7");
    CHECK(error.gateway_message() == "Référence déjà utilisée");
    CHECK(!error.field());
    CHECK(std::string(error.what()).find("Référence déjà utilisée") != std::string::npos);
}

void a_refusal_with_an_order_number_is_unknown() {
    inject("pay", R"({"kind":"reply","status":422,)"
                  R"("body":"{\"code\":\"1\",\"data\":{\"orderNumber\":\"O1\"}}"})");
    const flexpay::Error error = error_of([] { return client().pay(sandbox_request()); });
    CHECK(error.code() == Result::reply);
    CHECK(error.outcome() == Outcome::unknown);
    CHECK(error.order_number() == "O1");
}

void an_error_explains_a_missing_order_number() {
    const flexpay::Payment payment{};
    for (const flexpay::Error& error :
         {error_of([&] { return client().check(payment.order_number); }),
          error_of([&] { return client().wait(payment.order_number); })}) {
        CHECK(error.code() == Result::invalid);
        CHECK(error.field() == "order_number");
        CHECK(std::string(error.what()).find("v1.1") != std::string::npos);
    }
}

void a_contradictory_reply_names_the_field() {
    inject("check", R"({"kind":"reply","status":200,"body":"{\"code\":0,\"transaction\":null}"})");
    const flexpay::Error error = error_of([] { return client().check("O1"); });
    CHECK(error.code() == Result::reply);
    CHECK(error.outcome() == Outcome::unknown);
    CHECK(error.http_status() == 200);
    CHECK(error.field() == "transaction");
    CHECK(error.gateway_code() == "0");
    CHECK(!error.gateway_message());
}

// Requests a payment with these settings. It must fail with this code, outcome and status.
void pay_fails(const flexpay::Config& config, Result code, Outcome outcome,
               std::optional<std::int32_t> http_status = std::nullopt) {
    const flexpay::Client till(config);
    const flexpay::Error error = error_of([&] { return till.pay(sandbox_request()); });
    if (error.code() != code || error.outcome() != outcome || error.http_status() != http_status) {
        throw std::logic_error(std::string(flexpay::name(code)) + " expected, not " +
                               std::string(flexpay::name(error.code())) + ", " +
                               std::string(flexpay::name(error.outcome())) + ": " + error.what());
    }
}

void every_failure_has_the_right_outcome() {
    flexpay::Config config = sandbox_config();
    const ClosedPort closed_port;

    config.pay_url = closed_port.url() + "/v1.1/pay";
    pay_fails(config, Result::connect, Outcome::not_sent);

    config.pay_url = environment("SANDBOX_HTTPS_URL") + "/v1.1/pay";
    pay_fails(config, Result::tls, Outcome::not_sent);

    // The sandbox is not a proxy and replies with an error. With a proxy, plain http is not allowed.
    config.proxy = environment("SANDBOX_URL");
    config.check_url = environment("SANDBOX_HTTPS_URL") + "/api/rest/v1/check";
    config.mobile_url.reset();
    config.payout_url.reset();
    pay_fails(config, Result::proxy, Outcome::not_sent);

    config = sandbox_config();
    config.token = "another";
    pay_fails(config, Result::unauthorized, Outcome::refused, 401);

    config = sandbox_config();
    inject("pay", R"({"kind":"html","status":500})");
    pay_fails(config, Result::gateway, Outcome::unknown, 500);

    inject("pay", R"({"kind":"malformed_json"})");
    pay_fails(config, Result::reply, Outcome::unknown, 200);

    inject("pay", R"({"kind":"reset_after_reading"})");
    pay_fails(config, Result::connection, Outcome::unknown);

    config.timeout = std::chrono::milliseconds(200);
    inject("pay", R"({"kind":"stall_after","bytes":0})");
    pay_fails(config, Result::timeout, Outcome::unknown);
}

void tls_with_the_right_ca_file_works() {
    flexpay::Config config = sandbox_config();
    config.pay_url = environment("SANDBOX_HTTPS_URL") + "/v1.1/pay";
    config.ca_file = environment("FLEXPAY_CA_FILE");
    CHECK(flexpay::Client(config).pay(sandbox_request()).order_number);
}

void an_unknown_order_is_not_found() {
    const flexpay::Error error = error_of([] { return client().check("no-such-order"); });
    CHECK(error.code() == Result::not_found);
    CHECK(error.outcome() == Outcome::refused);
}

void a_check_is_retried_unless_check_once_is_set() {
    flexpay::Config config = sandbox_config();
    const std::string order = order_of(client(), sandbox_request());
    inject("check", R"({"kind":"reset_after_reading"})");
    CHECK(error_of([&] { return flexpay::Client(config).check(order); }).code() ==
          Result::connection);

    config.check_once = false;
    inject("check", R"({"kind":"reset_after_reading"})");
    CHECK(flexpay::Client(config).check(order).state == State::pending);
}

void the_environment_must_contain_the_token() {
    const std::string token = environment("FLEXPAY_TOKEN");
    set_environment("FLEXPAY_TOKEN", nullptr);
    const flexpay::Error error = error_of([] { return flexpay::Client::from_environment(); });
    set_environment("FLEXPAY_TOKEN", token.c_str());
    CHECK(error.code() == Result::invalid);
    CHECK(error.field() == "FLEXPAY_TOKEN");
}

void a_moved_client_still_works() {
    std::vector<flexpay::Client> tills;
    for (int i = 0; i < 5; ++i) {
        tills.push_back(client());
    }
    const std::string order = order_of(tills.front(), sandbox_request());
    CHECK(tills.back().check(order).state == State::pending);
    tills.front() = std::move(tills.back());
    tills.pop_back();
    CHECK(tills.front().check(order).state == State::pending);
}

void results_outlive_their_client() {
    flexpay::Transaction transaction;
    {
        const flexpay::Client till = client();
        transaction = till.check(order_of(till, sandbox_request()));
    }
    const flexpay::Transaction moved = std::move(transaction);
    CHECK(moved.amount == "25.50");
    CHECK(moved.state == State::pending);
}

void many_threads_share_a_client() {
    const flexpay::Client till = client();
    const std::string order = order_of(till, sandbox_request());
    std::vector<std::future<bool>> results;
    for (int i = 0; i < 8; ++i) {
        results.push_back(std::async(std::launch::async, [&] {
            for (int times = 0; times < 10; ++times) {
                if (till.check(order).order_number != order) {
                    return false;
                }
            }
            return true;
        }));
    }
    for (auto& result : results) {
        CHECK(result.get());
    }
}

void get_returns_the_c_object() {
    const flexpay::Client till = client();
    const std::string order = order_of(till, sandbox_request());
    flexpay_transaction* transaction = nullptr;
    CHECK(flexpay_check(till.get(), order.c_str(), &transaction, nullptr) == FLEXPAY_OK);
    CHECK(transaction->state == FLEXPAY_STATE_PENDING);
    flexpay_transaction_free(transaction);
}

}  // namespace

int main() {
    std::vector<Test> tests = tests_without_network();
    tests.insert(
        tests.end(),
        {
            {"a payment is requested and then paid", a_payment_is_requested_and_then_paid},
            {"every field of a request arrives", every_field_of_a_request_arrives},
            {"every field of a reply is parsed", every_field_of_a_reply_is_parsed},
            {"fields missing from a reply are absent", fields_missing_from_a_reply_are_absent},
            {"a page is returned", a_page_is_returned},
            {"a wait ends with every final state", a_wait_ends_with_every_final_state},
            {"a wait that times out reports the last state", a_wait_that_times_out_reports_the_last_state},
            {"a wait is cancelled from another thread", a_wait_is_cancelled_from_another_thread},
            {"a callback is verified", a_callback_is_verified},
            {"an order is verified without a callback", an_order_is_verified_without_a_callback},
            {"a callback requires a signed address", a_callback_requires_a_signed_address},
            {"a mobile payment is requested and then confirmed",
             a_mobile_payment_is_requested_and_then_confirmed},
            {"a mobile payment is refused or expires", a_mobile_payment_is_refused_or_expires},
            {"every field of a mobile request arrives", every_field_of_a_mobile_request_arrives},
            {"a payment by card is no mobile payment", a_payment_by_card_is_no_mobile_payment},
            {"a signed address is for one kind", a_signed_address_is_for_one_kind},
            {"a payout is made", a_payout_is_made},
            {"a payout is sent at most once", a_payout_is_sent_at_most_once},
            {"a reply without an order number is unknown", a_reply_without_an_order_number_is_unknown},
            {"every result has a trace with the flag", every_result_has_a_trace_with_the_flag},
            {"a refusal contains the gateway's message", a_refusal_contains_the_gateways_message},
            {"a refusal with an order number is unknown", a_refusal_with_an_order_number_is_unknown},
            {"an error explains a missing order number", an_error_explains_a_missing_order_number},
            {"a contradictory reply names the field", a_contradictory_reply_names_the_field},
            {"every failure has the right outcome", every_failure_has_the_right_outcome},
            {"TLS with the right CA file works", tls_with_the_right_ca_file_works},
            {"an unknown order is not found", an_unknown_order_is_not_found},
            {"a check is retried unless check_once is set", a_check_is_retried_unless_check_once_is_set},
            {"the environment must contain the token", the_environment_must_contain_the_token},
            {"a moved client still works", a_moved_client_still_works},
            {"results outlive their client", results_outlive_their_client},
            {"many threads share a client", many_threads_share_a_client},
            {"get returns the C object", get_returns_the_c_object},
        });
    const std::vector<Test> with_a_journal = tests_with_a_journal();
    tests.insert(tests.end(), with_a_journal.begin(), with_a_journal.end());
    return run_tests(tests);
}
