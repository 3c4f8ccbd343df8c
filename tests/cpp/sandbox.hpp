// The sandbox as the tests see it: its addresses, from the environment, and its control addresses,
// over a plain socket. See sandbox/src/control.rs for what those take.

#ifndef FLEXPAY_TESTS_SANDBOX_HPP
#define FLEXPAY_TESTS_SANDBOX_HPP

#include <cstdlib>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "flexpay.hpp"

inline std::string environment(const char* name) {
    const char* value = std::getenv(name);
    if (value == nullptr) {
        throw std::runtime_error(std::string(name) + " is not set: run tests/cpp/run.sh");
    }
    return value;
}

// Settings for the sandbox, to be changed by a test.
inline flexpay::Config sandbox_config() {
    flexpay::Config config;
    config.merchant = environment("FLEXPAY_MERCHANT");
    config.token = environment("FLEXPAY_TOKEN");
    config.api = flexpay::Api::v1_1;
    config.pay_url = environment("SANDBOX_URL") + "/v1.1/pay";
    config.check_url = environment("FLEXPAY_CHECK_URL");
    config.check_once = true;
    // What one test leaves behind on a connection is not to reach another.
    config.private_connections = true;
    return config;
}

// A payment request with a reference of its own.
inline flexpay::PaymentRequest sandbox_request() {
    static int count = 0;
    flexpay::PaymentRequest request;
    request.reference = "CPP-" + std::to_string(getpid()) + "-" + std::to_string(++count);
    request.amount = "25.50";
    request.currency = "USD";
    request.callback_url = "https://shop.example/callback";
    request.approve_url = "https://shop.example/ok";
    request.cancel_url = "https://shop.example/cancel";
    request.decline_url = "https://shop.example/no";
    return request;
}

// Asks a control address of the sandbox and gives the body of the answer.
inline std::string control(const std::string& method, const std::string& path,
                           const std::string& body = "") {
    const std::string authority = environment("SANDBOX_URL").substr(std::strlen("http://"));
    const std::string::size_type colon = authority.rfind(':');
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (getaddrinfo(authority.substr(0, colon).c_str(), authority.substr(colon + 1).c_str(), &hints,
                    &found) != 0) {
        throw std::runtime_error("no address for " + authority);
    }
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> address(found, freeaddrinfo);
    const int connection = socket(found->ai_family, found->ai_socktype, found->ai_protocol);
    const std::string request = method + " /sandbox/api/" + path + " HTTP/1.1\r\nHost: " + authority +
                                "\r\nConnection: close\r\nContent-Type: application/json" +
                                "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
                                body;
    std::string answer;
    if (connect(connection, found->ai_addr, found->ai_addrlen) == 0 &&
        send(connection, request.data(), request.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(request.size())) {
        char part[4096];
        for (ssize_t got = 0; (got = recv(connection, part, sizeof part, 0)) > 0;) {
            answer.append(part, static_cast<std::size_t>(got));
        }
    }
    close(connection);
    if (answer.rfind("HTTP/1.1 2", 0) != 0) {
        throw std::runtime_error(method + " " + path + " of the sandbox: " + answer);
    }
    return answer.substr(answer.find("\r\n\r\n") + 4);
}

// Decides a payment as its customer would: "approve", "decline", "cancel", "refunded", ...
inline void decide(const std::string& order_number, const std::string& decision) {
    control("POST", "payments/" + order_number + "/decide",
            R"({"decision":")" + decision + R"(","callback":false})");
}

// Makes the next request to an endpoint ("pay", "check") go wrong.
inline void inject(const std::string& endpoint, const std::string& action) {
    control("POST", "faults", R"({"on":")" + endpoint + R"(","action":)" + action + "}");
}

// A port of this machine at which nobody listens: bound, so that nobody else gets it, but no more.
class DeadPort {
public:
    DeadPort() : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof address;
        auto* any = reinterpret_cast<sockaddr*>(&address);
        if (bind(socket_, any, length) != 0 || getsockname(socket_, any, &length) != 0) {
            throw std::runtime_error("no port is to be had");
        }
        url_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    }

    DeadPort(const DeadPort&) = delete;
    DeadPort& operator=(const DeadPort&) = delete;

    ~DeadPort() {
        close(socket_);
    }

    const std::string& url() const {
        return url_;
    }

private:
    int socket_;
    std::string url_;
};

#endif  // FLEXPAY_TESTS_SANDBOX_HPP
