// The C++ runner of the conformance tests: runs every vector through flexpay.hpp and prints one line of
// JSON per case.
//
//     conformance VECTORS_DIR SANDBOX_URL

#include <cstdint>
#include <exception>
#include <fstream>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <string>

#include <nlohmann/json.hpp>

#include "flexpay.hpp"

using nlohmann::json;

namespace {

json optional(const std::optional<std::string>& text) {
    return text ? json(*text) : json(nullptr);
}

json to_json(const flexpay::Callback& callback) {
    return {
        {"amount", optional(callback.amount)},
        {"amount_customer", optional(callback.amount_customer)},
        {"channel", optional(callback.channel)},
        {"claims_success", callback.claims_success},
        {"code", callback.code},
        {"created_at", optional(callback.created_at)},
        {"currency", optional(callback.currency)},
        {"key", callback.key},
        {"message", optional(callback.message)},
        {"order_number", optional(callback.order_number)},
        {"phone", optional(callback.phone)},
        {"provider_reference", optional(callback.provider_reference)},
        {"raw", callback.raw},
        {"reference", optional(callback.reference)},
    };
}

json to_json(const flexpay::Transaction& transaction) {
    return {
        {"amount", optional(transaction.amount)},
        {"amount_customer", optional(transaction.amount_customer)},
        {"amount_customer_minor", transaction.amount_customer_minor.value_or(-1)},
        {"amount_minor", transaction.amount_minor.value_or(-1)},
        {"channel", optional(transaction.channel)},
        {"code", optional(transaction.code)},
        {"created_at", optional(transaction.created_at)},
        {"currency", optional(transaction.currency)},
        {"message", optional(transaction.message)},
        {"order_number", transaction.order_number},
        {"raw", optional(transaction.raw)},
        {"reference", optional(transaction.reference)},
        {"state", flexpay::name(transaction.state)},
        {"status", optional(transaction.status)},
        {"trace", optional(transaction.trace)},
    };
}

json to_json(const flexpay::Payment& payment) {
    return {
        {"code", optional(payment.code)},
        {"is_recorded", payment.is_recorded},
        {"message", optional(payment.message)},
        {"order_number", optional(payment.order_number)},
        {"page", optional(payment.page)},
        {"redirect_url", optional(payment.redirect_url)},
        {"trace", optional(payment.trace)},
    };
}

json to_json(const flexpay::Error& error) {
    return {
        {"code", flexpay::name(error.code())},
        {"field", optional(error.field())},
        {"gateway_code", optional(error.gateway_code())},
        {"gateway_message", optional(error.gateway_message())},
        {"order_number", optional(error.order_number())},
        {"http_status", error.http_status() ? json(*error.http_status()) : json(nullptr)},
        {"message", error.what()},
        {"outcome", flexpay::name(error.outcome())},
        {"trace", optional(error.trace())},
    };
}

std::string from_hex(const std::string& hex) {
    std::string bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
        bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
    }
    return bytes;
}

std::string body_of(const json& test) {
    if (test.contains("body_hex")) {
        return from_hex(test.at("body_hex"));
    }
    if (test.contains("body_repeat")) {
        const json& repeat = test.at("body_repeat");
        std::string body = repeat.at("before");
        const std::string unit = repeat.at("unit");
        for (int times = repeat.at("times"); times > 0; --times) {
            body += unit;
        }
        return body + repeat.at("after").get<std::string>();
    }
    return test.at("body");
}

flexpay::Client client_for(const json& test, const std::string& sandbox) {
    const std::string name = test.at("name");
    flexpay::Config config;
    config.merchant = "ZANDO";
    config.token = "conformance";
    config.api = test.value("api", "v1") == "v1.1" ? flexpay::Api::v1_1 : flexpay::Api::v1;
    config.pay_url = sandbox + "/vectors/pay/" + name;
    config.mobile_url = sandbox + "/vectors/mobile/" + name;
    config.payout_url = sandbox + "/vectors/payout/" + name;
    config.check_url = sandbox + "/vectors/check/" + name;
    config.timeout = std::chrono::seconds(30);
    config.check_once = true;
    config.private_connections = true;
    config.allow_payout = true;
    return flexpay::Client(config);
}

flexpay::PaymentRequest payment_request() {
    flexpay::PaymentRequest request;
    request.reference = "MM0000XXFFR159";
    request.amount = "100";
    request.currency = "CDF";
    request.callback_url = "https://shop.example/callback";
    request.approve_url = "https://shop.example/ok";
    request.cancel_url = "https://shop.example/cancel";
    request.decline_url = "https://shop.example/no";
    return request;
}

flexpay::MobileRequest mobile_request() {
    flexpay::MobileRequest request;
    request.reference = "MM0000XXFFR159";
    request.amount = "100";
    request.currency = "CDF";
    request.phone = "+243 81 234 56 78";
    request.callback_url = "https://shop.example/callback";
    request.approve_url = "https://shop.example/ok";
    request.cancel_url = "https://shop.example/cancel";
    request.decline_url = "https://shop.example/no";
    return request;
}

flexpay::PayoutRequest payout_request() {
    flexpay::PayoutRequest request;
    request.reference = "MM0000XXFFR159";
    request.amount = "100";
    request.currency = "CDF";
    request.phone = "+243 81 234 56 78";
    request.callback_url = "https://shop.example/callback";
    return request;
}

std::optional<std::string> text_or_null(const json& object, const char* key) {
    const auto found = object.find(key);
    if (found == object.end() || found->is_null()) {
        return std::nullopt;
    }
    return found->get<std::string>();
}

// The kind of the expected payment. Most cases expect a card payment, and do not give it.
flexpay::Kind kind_of(const json& expected) {
    const std::string name = expected.value("kind", "CARD");
    if (name == "CARD") {
        return flexpay::Kind::card;
    }
    if (name == "MOBILE") {
        return flexpay::Kind::mobile;
    }
    if (name == "PAYOUT") {
        return flexpay::Kind::payout;
    }
    throw std::runtime_error("no such kind: " + name);
}

flexpay::Transaction verify(const json& test, const std::string& sandbox) {
    flexpay::Config config;
    config.merchant = "ZANDO";
    config.token = "conformance";
    config.api = flexpay::Api::v1_1;
    config.check_url = sandbox + "/vectors/forgery/" + test.at("name").get<std::string>();
    config.timeout = std::chrono::seconds(30);
    config.check_once = true;
    config.private_connections = true;
    config.callback_secret = text_or_null(test, "secret");
    config.callback_secret_previous = text_or_null(test, "secret_previous");
    const json& recorded = test.at("expected");
    flexpay::Expected expected;
    expected.reference = recorded.at("reference");
    expected.amount = recorded.at("amount").get<std::string>();
    expected.currency = recorded.at("currency");
    expected.order_number = text_or_null(recorded, "order_number");
    expected.query = text_or_null(test, "query");
    expected.kind = kind_of(recorded);
    return flexpay::Client(config).verify_callback(body_of(test), expected);
}

flexpay::State state_of(const std::string& name) {
    for (int number = FLEXPAY_STATE_UNKNOWN; number <= FLEXPAY_STATE_CANCELLED; ++number) {
        const auto state = static_cast<flexpay::State>(number);
        if (flexpay::name(state) == name) {
            return state;
        }
    }
    throw std::runtime_error("no such state: " + name);
}

json call(const std::string& file, const json& test, const std::string& sandbox) {
    if (file == "callback") {
        return to_json(flexpay::parse_callback(body_of(test)));
    }
    if (file == "forgery") {
        return to_json(verify(test, sandbox));
    }
    if (file == "states") {
        return {{"may_replace", flexpay::state_may_replace(state_of(test.at("recorded")),
                                                           state_of(test.at("now")))}};
    }
    if (file == "journal") {
        return json::parse(flexpay::journal_step(test.at("request").dump()));
    }
    if (file == "phone") {
        return {{"phone", flexpay::normalize_phone(test.at("phone").get<std::string>())}};
    }
    const flexpay::Client client = client_for(test, sandbox);
    if (file == "check") {
        return to_json(client.check(test.at("order_number").get<std::string>()));
    }
    if (file == "mobile") {
        return to_json(client.pay_mobile(mobile_request()));
    }
    if (file == "payout") {
        return to_json(client.payout(payout_request()));
    }
    return to_json(client.pay(payment_request()));
}

json result_of(const std::string& file, const json& test, const std::string& sandbox) {
    try {
        return {{"ok", call(file, test, sandbox)}};
    } catch (const flexpay::Error& error) {
        return {{"error", to_json(error)}};
    }
}

void run(const std::string& vectors, const std::string& file, const std::string& sandbox) {
    const std::string path = vectors + "/" + file + ".json";
    std::ifstream in(path);
    if (!in) {
        throw std::runtime_error(path + " cannot be read");
    }
    const json all = json::parse(in);
    for (const json& test : all.at("cases")) {
        const json line = {
            {"case", file + "/" + test.at("name").get<std::string>()},
            {"result", result_of(file, test, sandbox)},
        };
        std::cout << line.dump() << '\n';
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::cerr << "usage: " << argv[0] << " VECTORS_DIR SANDBOX_URL\n";
        return 2;
    }
    try {
        for (const char* file :
             {"callback", "check", "pay", "mobile", "payout", "phone", "forgery", "states",
              "journal"}) {
            run(argv[1], file, argv[2]);
        }
    } catch (const std::exception& error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
    return std::cout.flush() ? 0 : 1;
}
