// Tests that need no network. They are linked with with_sandbox.cpp, which shows that two translation
// units can include the header.

#include <csignal>
#include <functional>
#include <utility>

#include "without_network.hpp"

namespace {

using flexpay::Outcome;
using flexpay::Result;
using flexpay::State;

// An unreachable gateway: a call that the library should refuse, but does not, fails to connect.
flexpay::Config config() {
    flexpay::Config config;
    config.merchant = "ZANDO";
    config.token = "token";
    config.pay_url = "http://127.0.0.1:1/pay";
    config.check_url = "http://127.0.0.1:1/check";
    config.mobile_url = "http://127.0.0.1:1/paymentService";
    config.payout_url = "http://127.0.0.1:1/merchantPayOutService";
    return config;
}

flexpay::PaymentRequest request() {
    flexpay::PaymentRequest request;
    request.reference = "R1";
    request.amount = "25.50";
    request.currency = "USD";
    return request;
}

flexpay::MobileRequest mobile_request() {
    flexpay::MobileRequest request;
    request.reference = "R1";
    request.amount = "25.50";
    request.currency = "USD";
    request.phone = "0812345678";
    request.callback_url = "https://shop.example/callback";
    return request;
}

flexpay::PayoutRequest payout_request() {
    flexpay::PayoutRequest request;
    request.reference = "R1";
    request.amount = "25.50";
    request.currency = "USD";
    request.phone = "0812345678";
    request.callback_url = "https://shop.example/callback";
    return request;
}

flexpay::Client client_with_payouts() {
    flexpay::Config settings = config();
    settings.allow_payout = true;
    return flexpay::Client(settings);
}

// The library must refuse the call because of `field` and send nothing.
void refused_for(const std::string& field, const std::function<void()>& call) {
    const flexpay::Error error = error_of(call);
    if (error.code() != Result::invalid || error.outcome() != Outcome::not_sent ||
        error.field() != field) {
        throw std::logic_error("not refused because of " + field + ": " + error.what());
    }
    CHECK(!error.http_status() && !error.gateway_code() && !error.gateway_message());
    CHECK(std::string(error.what()).find(field) == 0);
}

void constants_have_names() {
    CHECK(flexpay::name(Result::not_found) == "NOT_FOUND");
    CHECK(flexpay::name(Outcome::not_sent) == "NOT_SENT");
    CHECK(flexpay::name(State::paid) == "PAID");
}

void unknown_values_are_kept() {
    const auto state = static_cast<State>(4711);
    CHECK(static_cast<std::int32_t>(state) == 4711);
    CHECK(flexpay::name(state) == "UNRECOGNIZED");
    CHECK(flexpay::name(static_cast<Result>(-3)) == "UNRECOGNIZED");

    flexpay_error from_c{};
    from_c.code = 4711;
    from_c.outcome = 4712;
    from_c.message = "a message";
    const flexpay::Error error(from_c);
    CHECK(static_cast<std::int32_t>(error.code()) == 4711);
    CHECK(static_cast<std::int32_t>(error.outcome()) == 4712);
}

void the_versions_are_equal() {
    CHECK(flexpay::version() == FLEXPAY_VERSION);
}

void an_error_is_copied_with_all_its_fields() {
    flexpay_error from_c{};
    from_c.code = FLEXPAY_ERROR_REFUSED;
    from_c.outcome = FLEXPAY_OUTCOME_REFUSED;
    from_c.http_status = 400;
    from_c.message = "a message";
    from_c.field = "a field";
    from_c.gateway_code = "1";
    from_c.gateway_message = "Montant invalide";
    from_c.order_number = "O1";
    from_c.trace = "{}";
    std::exception_ptr saved;
    try {
        throw flexpay::Error(from_c);
    } catch (const std::runtime_error&) {
        saved = std::current_exception();
    }
    from_c = flexpay_error{};
    const flexpay::Error copy = error_of([&] { std::rethrow_exception(saved); });
    saved = nullptr;
    CHECK(copy.code() == Result::refused);
    CHECK(copy.outcome() == Outcome::refused);
    CHECK(copy.http_status() == 400);
    CHECK(std::string(copy.what()) == "a message");
    CHECK(copy.field() == "a field");
    CHECK(copy.gateway_code() == "1");
    CHECK(copy.gateway_message() == "Montant invalide");
    CHECK(copy.order_number() == "O1");
    CHECK(copy.trace() == "{}");
}

void the_details_of_an_error_are_optional() {
    const flexpay::Error error(Result::timeout, Outcome::unknown, "too late");
    CHECK(!error.http_status());
    CHECK(!error.field());
    CHECK(!error.gateway_code());
    CHECK(!error.gateway_message());
    CHECK(!error.order_number());
    CHECK(!error.trace());
    CHECK(flexpay::Error(Result::invalid, Outcome::not_sent, "no", "amount").field() == "amount");
    CHECK(std::string(flexpay::Error(flexpay_error{}).what()).empty());
}

void an_amount_keeps_its_text() {
    CHECK(flexpay::Amount().text().empty());
    CHECK(flexpay::Amount("25.50").text() == "25.50");
    CHECK(flexpay::Amount(std::string("25.50")).text() == "25.50");
    CHECK(flexpay::Amount(std::string_view("25.509").substr(0, 5)).text() == "25.50");
}

void a_callback_is_parsed() {
    std::string body = R"({"code":"0","reference":"R1","provider_reference":"P1","orderNumber":"O1",)"
                       R"("amount":"25.5","amountCustomer":"26","currency":"USD","phone":"243",)"
                       R"("createdAt":"06-02-2021 17:32:46","channel":"visa","message":"Payé"})";
    const std::string sent = body;
    const flexpay::Callback first = flexpay::parse_callback(body);
    body.assign(body.size(), 'x');
    const flexpay::Callback callback = first;
    CHECK(callback.claims_success);
    CHECK(callback.code == "0");
    CHECK(callback.reference == "R1");
    CHECK(callback.provider_reference == "P1");
    CHECK(callback.order_number == "O1");
    CHECK(callback.amount == "25.5");
    CHECK(callback.amount_customer == "26");
    CHECK(callback.currency == "USD");
    CHECK(callback.phone == "243");
    CHECK(callback.created_at == "06-02-2021 17:32:46");
    CHECK(callback.channel == "visa");
    CHECK(callback.message == "Payé");
    CHECK(callback.raw == sent);
}

void a_callback_has_the_same_key_in_every_encoding() {
    const std::string key = flexpay::parse_callback("code=0&reference=R1&order_number=O1").key;
    CHECK(key.size() == 64);
    CHECK(key.find_first_not_of("0123456789abcdef") == key.npos);
    CHECK(flexpay::parse_callback(R"({"orderNumber":"O1","reference":"R1","code":"0"})").key == key);
    CHECK(flexpay::parse_callback("code=1&reference=R1&order_number=O1").key != key);
    CHECK(flexpay::parse_callback("code=0&reference=R2&order_number=O1").key != key);
}

void states_may_only_replace_earlier_ones() {
    CHECK(flexpay::state_may_replace(State::pending, State::paid));
    CHECK(flexpay::state_may_replace(State::failed, State::paid));
    CHECK(flexpay::state_may_replace(State::paid, State::refunded));
    CHECK(!flexpay::state_may_replace(State::paid, State::failed));
    CHECK(!flexpay::state_may_replace(State::paid, State::paid));
    CHECK(!flexpay::state_may_replace(State::pending, static_cast<State>(4711)));
}

void fields_missing_from_a_callback_are_absent() {
    const flexpay::Callback callback = flexpay::parse_callback("code=1&reference=R1&message=");
    CHECK(!callback.claims_success);
    CHECK(callback.code == "1");
    CHECK(callback.reference == "R1");
    for (const auto& absent : {callback.provider_reference, callback.order_number, callback.amount,
                               callback.amount_customer, callback.currency, callback.phone,
                               callback.created_at, callback.channel, callback.message}) {
        CHECK(!absent);
    }
}

void a_callback_body_is_read_by_its_length() {
    // A part of a larger buffer, without a NUL at its end.
    CHECK(flexpay::parse_callback(std::string_view("code=0&reference=R12").substr(0, 19)).reference ==
          "R1");
    for (const std::string_view body :
         {std::string_view(), std::string_view(""), std::string_view("\0", 1),
          std::string_view("code=0&reference=R\0001", 20), std::string_view("\xff\xfe"),
          std::string_view("[]")}) {
        const flexpay::Error error = error_of([&] { return flexpay::parse_callback(body); });
        CHECK(error.code() == Result::callback);
        CHECK(error.outcome() == Outcome::not_sent);
        CHECK(error.field() == "body");
    }
}

void a_nul_in_a_string_is_refused() {
    const std::string cut("a\0b", 3);
    using flexpay::Config;
    using flexpay::Expected;
    using flexpay::MobileRequest;
    using flexpay::PaymentRequest;
    using flexpay::PayoutRequest;

    const auto setting = [&](const char* field, auto member) {
        Config wrong = config();
        wrong.*member = cut;
        refused_for(field, [&] { flexpay::Client client(wrong); });
    };
    setting("merchant", &Config::merchant);
    setting("token", &Config::token);
    setting("pay_url", &Config::pay_url);
    setting("check_url", &Config::check_url);
    setting("ca_file", &Config::ca_file);
    setting("proxy", &Config::proxy);
    setting("app_name", &Config::app_name);
    setting("callback_secret", &Config::callback_secret);
    setting("callback_secret_previous", &Config::callback_secret_previous);
    setting("mobile_url", &Config::mobile_url);
    setting("payout_url", &Config::payout_url);

    const flexpay::Client client = client_with_payouts();
    const auto request_field = [&](const char* field, auto member) {
        PaymentRequest wrong = request();
        wrong.*member = cut;
        refused_for(field, [&] { return client.pay(wrong); });
    };
    request_field("reference", &PaymentRequest::reference);
    request_field("amount", &PaymentRequest::amount);
    request_field("currency", &PaymentRequest::currency);
    request_field("description", &PaymentRequest::description);
    request_field("callback_url", &PaymentRequest::callback_url);
    request_field("approve_url", &PaymentRequest::approve_url);
    request_field("cancel_url", &PaymentRequest::cancel_url);
    request_field("decline_url", &PaymentRequest::decline_url);
    request_field("home_url", &PaymentRequest::home_url);
    request_field("correlation_id", &PaymentRequest::correlation_id);

    const auto mobile_field = [&](const char* field, auto member) {
        MobileRequest wrong = mobile_request();
        wrong.*member = cut;
        refused_for(field, [&] { return client.pay_mobile(wrong); });
    };
    mobile_field("reference", &MobileRequest::reference);
    mobile_field("amount", &MobileRequest::amount);
    mobile_field("currency", &MobileRequest::currency);
    mobile_field("phone", &MobileRequest::phone);
    mobile_field("callback_url", &MobileRequest::callback_url);
    mobile_field("description", &MobileRequest::description);
    mobile_field("approve_url", &MobileRequest::approve_url);
    mobile_field("cancel_url", &MobileRequest::cancel_url);
    mobile_field("decline_url", &MobileRequest::decline_url);
    mobile_field("return_url", &MobileRequest::return_url);
    mobile_field("correlation_id", &MobileRequest::correlation_id);

    const auto payout_field = [&](const char* field, auto member) {
        PayoutRequest wrong = payout_request();
        wrong.*member = cut;
        refused_for(field, [&] { return client.payout(wrong); });
    };
    payout_field("reference", &PayoutRequest::reference);
    payout_field("amount", &PayoutRequest::amount);
    payout_field("currency", &PayoutRequest::currency);
    payout_field("phone", &PayoutRequest::phone);
    payout_field("callback_url", &PayoutRequest::callback_url);
    payout_field("correlation_id", &PayoutRequest::correlation_id);

    const auto expected = [&](const char* field, auto member) {
        Expected wrong{"R1", "25.50", "USD", std::nullopt, std::nullopt};
        wrong.*member = cut;
        refused_for(field, [&] { return client.verify_callback("code=0&reference=R1", wrong); });
        refused_for(field, [&] { return client.verify_order(wrong); });
        flexpay::WaitOptions options;
        options.expected = wrong;
        refused_for(field, [&] { return client.wait("O1", options); });
    };
    expected("reference", &Expected::reference);
    expected("amount", &Expected::amount);
    expected("currency", &Expected::currency);
    expected("order_number", &Expected::order_number);
    expected("query", &Expected::query);
    expected("correlation_id", &Expected::correlation_id);
    flexpay::WaitOptions options;
    options.correlation_id = cut;
    refused_for("correlation_id", [&] { return client.wait("O1", options); });

    refused_for("phone", [&] { return flexpay::normalize_phone(cut); });
    refused_for("order_number", [&] { return client.check(cut); });
    refused_for("order_number", [&] { return client.wait(cut); });
}

void a_refusal_names_the_field() {
    flexpay::Config no_merchant = config();
    no_merchant.merchant.clear();
    refused_for("merchant", [&] { flexpay::Client client(no_merchant); });
    flexpay::Config wrong_environment = config();
    wrong_environment.environment = static_cast<flexpay::Environment>(7);
    refused_for("environment", [&] { flexpay::Client client(wrong_environment); });

    const flexpay::Client client(config());
    flexpay::PaymentRequest wrong = request();
    wrong.amount = "25.505";
    refused_for("amount", [&] { return client.pay(wrong); });
    wrong.amount = flexpay::Amount();
    refused_for("amount", [&] { return client.pay(wrong); });
    refused_for("order_number", [&] { return client.check(""); });

    flexpay::MobileRequest wrong_phone = mobile_request();
    wrong_phone.phone = "+33 6 12 34 56 78";
    refused_for("phone", [&] { return client.pay_mobile(wrong_phone); });
    flexpay::MobileRequest no_callback = mobile_request();
    no_callback.callback_url.clear();
    refused_for("callback_url", [&] { return client.pay_mobile(no_callback); });
    flexpay::MobileRequest wrong_id = mobile_request();
    wrong_id.correlation_id = "two words";
    refused_for("correlation_id", [&] { return client.pay_mobile(wrong_id); });

    flexpay::Expected wrong_kind{"R1", "25.50", "USD", "O1", std::nullopt};
    wrong_kind.kind = static_cast<flexpay::Kind>(7);
    refused_for("kind", [&] { return client.verify_order(wrong_kind); });
    refused_for("kind", [&] { return client.verify_callback("code=0&reference=R1", wrong_kind); });
    flexpay::WaitOptions options;
    options.expected = wrong_kind;
    refused_for("kind", [&] { return client.wait("O1", options); });
}

void a_payout_requires_the_flag() {
    refused_for("allow_payout", [] { return flexpay::Client(config()).payout(payout_request()); });
    // With the flag it is sent, here to an address without a server.
    const flexpay::Error error = error_of([] { return client_with_payouts().payout(payout_request()); });
    CHECK(error.code() == Result::connect);
    CHECK(error.outcome() == Outcome::not_sent);
    refused_for("phone", [] {
        flexpay::PayoutRequest wrong = payout_request();
        wrong.phone.clear();
        return client_with_payouts().payout(wrong);
    });
}

// Nothing in a callback tells a payout from a payment by a customer.
void the_callback_of_a_payout_requires_the_recorded_order_number() {
    flexpay::Expected expected{"R1", "25.50", "USD", std::nullopt, std::nullopt};
    expected.kind = flexpay::Kind::payout;
    const std::string body = R"({"code":"0","reference":"R1","orderNumber":"O1"})";
    refused_for("order_number",
                [&] { return flexpay::Client(config()).verify_callback(body, expected); });
}

void a_phone_number_is_normalized() {
    for (const std::string_view phone :
         {"243812345678", "+243 81 234 56 78", "00243812345678", "0812345678", "(0)81-234.56.78\n"}) {
        CHECK(flexpay::normalize_phone(phone) == "243812345678");
    }
    // A part of a larger buffer, without a NUL at its end.
    CHECK(flexpay::normalize_phone(std::string_view("08123456789").substr(0, 10)) == "243812345678");
    for (const std::string_view phone :
         {std::string_view(), std::string_view(""), std::string_view("812345678"),
          std::string_view("+33 6 12 34 56 78"), std::string_view("0812345678x"),
          std::string_view("0812345678\0", 11), std::string_view("0812\xff" "345678")}) {
        refused_for("phone", [&] { return flexpay::normalize_phone(phone); });
    }
}

// An Expected of a program that knows no kinds.
void the_kind_is_card_if_it_is_not_set() {
    const flexpay::Expected expected{"R1", "25.50", "USD", std::nullopt, std::nullopt};
    CHECK(expected.kind == flexpay::Kind::card);
    CHECK(!expected.correlation_id);
}

void an_error_has_a_trace_only_with_the_flag() {
    flexpay::Config settings = config();
    CHECK(!error_of([&] { return flexpay::Client(settings).check("O1"); }).trace());
    settings.trace = true;
    settings.check_once = true;
    flexpay::MobileRequest request = mobile_request();
    request.correlation_id = "till-3";
    const flexpay::Error error =
        error_of([&] { return flexpay::Client(settings).pay_mobile(request); });
    CHECK(error.code() == Result::connect);
    const std::string trace = error.trace().value();
    CHECK(trace.find(R"({"call":"pay_mobile","correlation_id":"till-3","steps":[)") == 0);
    CHECK(trace.find(R"("step":"connect_failed","address":"127.0.0.1:1")") != trace.npos);
    CHECK(trace.find("token") == trace.npos);
}

void plain_http_to_other_hosts_requires_the_flag() {
    flexpay::Config plain = config();
    plain.pay_url = "http://192.0.2.1/pay";
    refused_for("pay_url", [&] { flexpay::Client client(plain); });
    plain.allow_plain_http = true;
    CHECK(flexpay::Client(plain).get() != nullptr);
}

void a_duration_out_of_range_is_refused() {
    using flexpay::WaitOptions;
    using std::chrono::milliseconds;
    const flexpay::Client client(config());
    const flexpay::CancelToken cancelled;
    cancelled.cancel();
    for (const milliseconds wrong : {milliseconds(0), milliseconds(-1), milliseconds(4294967296)}) {
        flexpay::Config settings = config();
        settings.timeout = wrong;
        refused_for("timeout", [&] { flexpay::Client none(settings); });
        settings = config();
        settings.connect_timeout = wrong;
        refused_for("connect_timeout", [&] { flexpay::Client none(settings); });

        const auto option = [&](const char* field, auto member) {
            WaitOptions options;
            options.*member = wrong;
            refused_for(field, [&] { return client.wait("O1", options); });
        };
        option("timeout", &WaitOptions::timeout);
        option("interval", &WaitOptions::interval);
        option("max_interval", &WaitOptions::max_interval);
        option("failed_grace", &WaitOptions::failed_grace);
    }
    flexpay::Config settings = config();
    settings.timeout = milliseconds(4294967295);
    settings.connect_timeout = milliseconds(1);
    CHECK(flexpay::Client(settings).get() != nullptr);
}

void using_a_moved_from_client_is_an_error() {
    flexpay::Client first(config());
    const flexpay_client* object = first.get();
    const flexpay::Client second(std::move(first));
    CHECK(second.get() == object);
    CHECK(first.get() == nullptr);

    const flexpay::Expected expected{"R1", "25.50", "USD", std::nullopt, std::nullopt};
    refused_for("client", [&] { return first.pay(request()); });
    refused_for("client", [&] { return first.pay_mobile(mobile_request()); });
    refused_for("client", [&] { return first.payout(payout_request()); });
    refused_for("client", [&] { return first.check("O1"); });
    refused_for("client", [&] { return first.wait("O1"); });
    refused_for("client", [&] { return first.verify_callback("code=0&reference=R1", expected); });
    refused_for("client", [&] { return first.verify_order(expected); });
    const std::string what = error_of([&] { return first.check("O1"); }).what();
    CHECK(what.find("moved from") != what.npos);

    // A new client may be assigned to it.
    first = flexpay::Client(config());
    CHECK(first.get() != nullptr);
    refused_for("amount", [&] {
        flexpay::PaymentRequest wrong = request();
        wrong.amount = "0";
        return first.pay(wrong);
    });
}

void using_a_moved_from_token_is_safe() {
    flexpay::CancelToken first;
    flexpay::CancelToken second = std::move(first);
    CHECK(first.get() == nullptr);
    CHECK(second.get() != nullptr);
    first.cancel();
    flexpay::WaitOptions options;
    options.cancel = &first;
    const flexpay::Client client(config());
    refused_for("cancel", [&] { return client.wait("O1", options); });

    // The move target works: it is cancelled before the wait, so no check is sent.
    second.cancel();
    options.cancel = &second;
    const flexpay::Error error = error_of([&] { return client.wait("O1", options); });
    CHECK(error.code() == Result::cancelled);
}

const flexpay::CancelToken* cancelled_by_signal = nullptr;

void a_signal_handler_can_cancel() {
    const flexpay::CancelToken token;
    cancelled_by_signal = &token;
    const auto before = std::signal(SIGTERM, [](int) { cancelled_by_signal->cancel(); });
    std::raise(SIGTERM);
    std::signal(SIGTERM, before);
    flexpay::WaitOptions options;
    options.cancel = &token;
    const flexpay::Client client(config());
    CHECK(error_of([&] { return client.wait("O1", options); }).code() == Result::cancelled);
}

}  // namespace

std::vector<Test> tests_without_network() {
    return {
        {"constants have names", constants_have_names},
        {"unknown values are kept", unknown_values_are_kept},
        {"the versions are equal", the_versions_are_equal},
        {"an error is copied with all its fields", an_error_is_copied_with_all_its_fields},
        {"the details of an error are optional", the_details_of_an_error_are_optional},
        {"an amount keeps its text", an_amount_keeps_its_text},
        {"a callback is parsed", a_callback_is_parsed},
        {"a callback has the same key in every encoding", a_callback_has_the_same_key_in_every_encoding},
        {"states may only replace earlier ones", states_may_only_replace_earlier_ones},
        {"fields missing from a callback are absent", fields_missing_from_a_callback_are_absent},
        {"a callback body is read by its length", a_callback_body_is_read_by_its_length},
        {"a NUL in a string is refused", a_nul_in_a_string_is_refused},
        {"a refusal names the field", a_refusal_names_the_field},
        {"a payout requires the flag", a_payout_requires_the_flag},
        {"the callback of a payout requires the recorded order number",
         the_callback_of_a_payout_requires_the_recorded_order_number},
        {"a phone number is normalized", a_phone_number_is_normalized},
        {"the kind is card if it is not set", the_kind_is_card_if_it_is_not_set},
        {"an error has a trace only with the flag", an_error_has_a_trace_only_with_the_flag},
        {"plain http to other hosts requires the flag", plain_http_to_other_hosts_requires_the_flag},
        {"a duration out of range is refused", a_duration_out_of_range_is_refused},
        {"using a moved-from client is an error", using_a_moved_from_client_is_an_error},
        {"using a moved-from token is safe", using_a_moved_from_token_is_safe},
        {"a signal handler can cancel", a_signal_handler_can_cancel},
    };
}
