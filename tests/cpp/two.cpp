// Tests that need no network. A translation unit of its own, linked with one.cpp: two that include
// the header must make one program.

#include <csignal>
#include <functional>
#include <utility>

#include "two.hpp"

namespace {

using flexpay::Outcome;
using flexpay::Result;
using flexpay::State;

// A gateway that cannot be reached: what should be refused here, and is not, gets nowhere.
flexpay::Config config() {
    flexpay::Config config;
    config.merchant = "ZANDO";
    config.token = "token";
    config.pay_url = "http://127.0.0.1:1/pay";
    config.check_url = "http://127.0.0.1:1/check";
    return config;
}

flexpay::PaymentRequest request() {
    flexpay::PaymentRequest request;
    request.reference = "R1";
    request.amount = "25.50";
    request.currency = "USD";
    return request;
}

// The call must be refused here, for `field`, with nothing sent.
void refused_for(const std::string& field, const std::function<void()>& call) {
    const flexpay::Error error = error_of(call);
    if (error.code() != Result::invalid || error.outcome() != Outcome::not_sent ||
        error.field() != field) {
        throw std::logic_error("not refused for " + field + " but: " + error.what());
    }
    CHECK(!error.http_status() && !error.gateway_code() && !error.gateway_message());
    CHECK(std::string(error.what()).find(field) == 0);
}

void numbers_have_names() {
    CHECK(flexpay::name(Result::not_found) == "NOT_FOUND");
    CHECK(flexpay::name(Outcome::not_sent) == "NOT_SENT");
    CHECK(flexpay::name(State::paid) == "PAID");
}

void unknown_numbers_stay_what_they_are() {
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

void the_versions_agree() {
    CHECK(flexpay::version() == FLEXPAY_VERSION);
}

void an_error_is_copied_whole() {
    flexpay_error from_c{};
    from_c.code = FLEXPAY_ERROR_REFUSED;
    from_c.outcome = FLEXPAY_OUTCOME_REFUSED;
    from_c.http_status = 400;
    from_c.message = "a message";
    from_c.field = "a field";
    from_c.gateway_code = "1";
    from_c.gateway_message = "Montant invalide";
    from_c.order_number = "O1";
    std::exception_ptr kept;
    try {
        throw flexpay::Error(from_c);
    } catch (const std::runtime_error&) {
        kept = std::current_exception();
    }
    from_c = flexpay_error{};
    const flexpay::Error copy = error_of([&] { std::rethrow_exception(kept); });
    kept = nullptr;
    CHECK(copy.code() == Result::refused);
    CHECK(copy.outcome() == Outcome::refused);
    CHECK(copy.http_status() == 400);
    CHECK(std::string(copy.what()) == "a message");
    CHECK(copy.field() == "a field");
    CHECK(copy.gateway_code() == "1");
    CHECK(copy.gateway_message() == "Montant invalide");
    CHECK(copy.order_number() == "O1");
}

void an_error_without_details_has_none() {
    const flexpay::Error error(Result::timeout, Outcome::unknown, "too late");
    CHECK(!error.http_status());
    CHECK(!error.field());
    CHECK(!error.gateway_code());
    CHECK(!error.gateway_message());
    CHECK(flexpay::Error(Result::invalid, Outcome::not_sent, "no", "amount").field() == "amount");
    CHECK(std::string(flexpay::Error(flexpay_error{}).what()).empty());
}

void an_amount_is_the_text_it_was_given() {
    CHECK(flexpay::Amount().text().empty());
    CHECK(flexpay::Amount("25.50").text() == "25.50");
    CHECK(flexpay::Amount(std::string("25.50")).text() == "25.50");
    CHECK(flexpay::Amount(std::string_view("25.509").substr(0, 5)).text() == "25.50");
}

void a_callback_is_read() {
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

void a_notice_has_one_key() {
    const std::string key = flexpay::parse_callback("code=0&reference=R1&order_number=O1").key;
    CHECK(key.size() == 64);
    CHECK(key.find_first_not_of("0123456789abcdef") == key.npos);
    CHECK(flexpay::parse_callback(R"({"orderNumber":"O1","reference":"R1","code":"0"})").key == key);
    CHECK(flexpay::parse_callback("code=1&reference=R1&order_number=O1").key != key);
    CHECK(flexpay::parse_callback("code=0&reference=R2&order_number=O1").key != key);
}

void states_follow_in_their_order() {
    CHECK(flexpay::state_may_replace(State::pending, State::paid));
    CHECK(flexpay::state_may_replace(State::failed, State::paid));
    CHECK(flexpay::state_may_replace(State::paid, State::refunded));
    CHECK(!flexpay::state_may_replace(State::paid, State::failed));
    CHECK(!flexpay::state_may_replace(State::paid, State::paid));
    CHECK(!flexpay::state_may_replace(State::pending, static_cast<State>(4711)));
}

void what_a_callback_lacks_is_absent() {
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

void a_callback_body_is_bytes() {
    // A part of a larger buffer, with no NUL behind it.
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

void a_nul_in_a_text_is_refused() {
    const std::string cut("a\0b", 3);
    using flexpay::Config;
    using flexpay::Expected;
    using flexpay::PaymentRequest;

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

    const flexpay::Client client(config());
    const auto asked = [&](const char* field, auto member) {
        PaymentRequest wrong = request();
        wrong.*member = cut;
        refused_for(field, [&] { return client.pay(wrong); });
    };
    asked("reference", &PaymentRequest::reference);
    asked("amount", &PaymentRequest::amount);
    asked("currency", &PaymentRequest::currency);
    asked("description", &PaymentRequest::description);
    asked("callback_url", &PaymentRequest::callback_url);
    asked("approve_url", &PaymentRequest::approve_url);
    asked("cancel_url", &PaymentRequest::cancel_url);
    asked("decline_url", &PaymentRequest::decline_url);
    asked("home_url", &PaymentRequest::home_url);

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

    refused_for("order_number", [&] { return client.check(cut); });
    refused_for("order_number", [&] { return client.wait(cut); });
}

void what_the_library_refuses_is_named() {
    flexpay::Config nobody = config();
    nobody.merchant.clear();
    refused_for("merchant", [&] { flexpay::Client client(nobody); });
    flexpay::Config nowhere = config();
    nowhere.environment = static_cast<flexpay::Environment>(7);
    refused_for("environment", [&] { flexpay::Client client(nowhere); });

    const flexpay::Client client(config());
    flexpay::PaymentRequest wrong = request();
    wrong.amount = "25.505";
    refused_for("amount", [&] { return client.pay(wrong); });
    wrong.amount = flexpay::Amount();
    refused_for("amount", [&] { return client.pay(wrong); });
    refused_for("order_number", [&] { return client.check(""); });
}

void plain_http_to_others_needs_the_flag() {
    flexpay::Config plain = config();
    plain.pay_url = "http://192.0.2.1/pay";
    refused_for("pay_url", [&] { flexpay::Client client(plain); });
    plain.allow_plain_http = true;
    CHECK(flexpay::Client(plain).get() != nullptr);
}

void a_time_that_c_cannot_say_is_refused() {
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

void a_client_that_was_moved_from_says_so() {
    flexpay::Client first(config());
    const flexpay_client* object = first.get();
    const flexpay::Client second(std::move(first));
    CHECK(second.get() == object);
    CHECK(first.get() == nullptr);

    const flexpay::Expected expected{"R1", "25.50", "USD", std::nullopt, std::nullopt};
    refused_for("client", [&] { return first.pay(request()); });
    refused_for("client", [&] { return first.check("O1"); });
    refused_for("client", [&] { return first.wait("O1"); });
    refused_for("client", [&] { return first.verify_callback("code=0&reference=R1", expected); });
    refused_for("client", [&] { return first.verify_order(expected); });
    const std::string what = error_of([&] { return first.check("O1"); }).what();
    CHECK(what.find("moved from") != what.npos);

    // It may be given another.
    first = flexpay::Client(config());
    CHECK(first.get() != nullptr);
    refused_for("amount", [&] {
        flexpay::PaymentRequest wrong = request();
        wrong.amount = "0";
        return first.pay(wrong);
    });
}

void a_token_that_was_moved_from_is_harmless() {
    flexpay::CancelToken first;
    flexpay::CancelToken second = std::move(first);
    CHECK(first.get() == nullptr);
    CHECK(second.get() != nullptr);
    first.cancel();
    flexpay::WaitOptions options;
    options.cancel = &first;
    const flexpay::Client client(config());
    refused_for("cancel", [&] { return client.wait("O1", options); });

    // The one it became works: cancelled before the wait, it asks nobody.
    second.cancel();
    options.cancel = &second;
    const flexpay::Error error = error_of([&] { return client.wait("O1", options); });
    CHECK(error.code() == Result::cancelled);
}

const flexpay::CancelToken* cancelled_by_signal = nullptr;

void a_signal_handler_may_cancel() {
    const flexpay::CancelToken token;
    cancelled_by_signal = &token;
    const auto before = std::signal(SIGUSR1, [](int) { cancelled_by_signal->cancel(); });
    std::raise(SIGUSR1);
    std::signal(SIGUSR1, before);
    flexpay::WaitOptions options;
    options.cancel = &token;
    const flexpay::Client client(config());
    CHECK(error_of([&] { return client.wait("O1", options); }).code() == Result::cancelled);
}

}  // namespace

std::vector<Test> tests_without_network() {
    return {
        {"numbers have names", numbers_have_names},
        {"unknown numbers stay what they are", unknown_numbers_stay_what_they_are},
        {"the versions agree", the_versions_agree},
        {"an error is copied whole", an_error_is_copied_whole},
        {"an error without details has none", an_error_without_details_has_none},
        {"an amount is the text it was given", an_amount_is_the_text_it_was_given},
        {"a callback is read", a_callback_is_read},
        {"a notice has one key", a_notice_has_one_key},
        {"states follow in their order", states_follow_in_their_order},
        {"what a callback lacks is absent", what_a_callback_lacks_is_absent},
        {"a callback body is bytes", a_callback_body_is_bytes},
        {"a NUL in a text is refused", a_nul_in_a_text_is_refused},
        {"what the library refuses is named", what_the_library_refuses_is_named},
        {"plain http to others needs the flag", plain_http_to_others_needs_the_flag},
        {"a time that C cannot say is refused", a_time_that_c_cannot_say_is_refused},
        {"a client that was moved from says so", a_client_that_was_moved_from_says_so},
        {"a token that was moved from is harmless", a_token_that_was_moved_from_is_harmless},
        {"a signal handler may cancel", a_signal_handler_may_cancel},
    };
}
