// Helpers for the sandbox: its addresses, from the environment, and its control API, over a plain
// socket. sandbox/src/control.rs documents that API.

#ifndef FLEXPAY_TESTS_SANDBOX_HPP
#define FLEXPAY_TESTS_SANDBOX_HPP

#include <cstdlib>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>

#ifdef _WIN32
#ifndef NOMINMAX
#define NOMINMAX
#endif
#include <winsock2.h>
#include <ws2tcpip.h>

#include <process.h>
#else
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#endif

#include "flexpay.hpp"

inline std::string environment(const char* name) {
    const char* value = std::getenv(name);
    if (value == nullptr) {
        throw std::runtime_error(std::string(name) + " is not set: run tests/cpp/run.sh");
    }
    return value;
}

#ifdef _WIN32

using Socket = SOCKET;
constexpr int no_signal = 0;

inline void close_socket(Socket socket) {
    closesocket(socket);
}

// Winsock must be started before a program's first socket.
inline void start_sockets() {
    WSADATA ignored;
    if (WSAStartup(MAKEWORD(2, 2), &ignored) != 0) {
        throw std::runtime_error("no sockets");
    }
}

// Of the process, which the library reads. An absent value removes the variable.
inline void set_environment(const char* name, const char* value) {
    SetEnvironmentVariableA(name, value);
}

#else

using Socket = int;
constexpr int no_signal = MSG_NOSIGNAL;

inline void close_socket(Socket socket) {
    close(socket);
}

inline void start_sockets() {}

inline void set_environment(const char* name, const char* value) {
    value != nullptr ? setenv(name, value, 1) : unsetenv(name);
}

#endif

// Settings for the sandbox. A test may change them.
inline flexpay::Config sandbox_config() {
    flexpay::Config config;
    config.merchant = environment("FLEXPAY_MERCHANT");
    config.token = environment("FLEXPAY_TOKEN");
    config.api = flexpay::Api::v1_1;
    config.pay_url = environment("SANDBOX_URL") + "/v1.1/pay";
    config.check_url = environment("FLEXPAY_CHECK_URL");
    config.mobile_url = environment("FLEXPAY_MOBILE_URL");
    config.payout_url = environment("FLEXPAY_PAYOUT_URL");
    config.check_once = true;
    // Unread data on a connection must not reach the next test.
    config.private_connections = true;
    return config;
}

inline std::string new_reference() {
    static int count = 0;
    return "CPP-" + std::to_string(getpid()) + "-" + std::to_string(++count);
}

// A payment request with a new reference.
inline flexpay::PaymentRequest sandbox_request() {
    flexpay::PaymentRequest request;
    request.reference = new_reference();
    request.amount = "25.50";
    request.currency = "USD";
    request.callback_url = "https://shop.example/callback";
    request.approve_url = "https://shop.example/ok";
    request.cancel_url = "https://shop.example/cancel";
    request.decline_url = "https://shop.example/no";
    return request;
}

// The same for mobile money, to a phone that a test decides about.
inline flexpay::MobileRequest mobile_request() {
    flexpay::MobileRequest request;
    request.reference = new_reference();
    request.amount = "25.50";
    request.currency = "USD";
    request.phone = "0812345678";
    request.callback_url = "https://shop.example/callback";
    return request;
}

// A payout with a new reference. The sandbox pays it out at once.
inline flexpay::PayoutRequest payout_request() {
    flexpay::PayoutRequest request;
    request.reference = new_reference();
    request.amount = "25.50";
    request.currency = "USD";
    request.phone = "0812345678";
    request.callback_url = "https://shop.example/callback";
    return request;
}

// Sends a request to the sandbox's control API. Returns the body of the response.
inline std::string control(const std::string& method, const std::string& path,
                           const std::string& body = "") {
    const std::string authority = environment("SANDBOX_URL").substr(std::strlen("http://"));
    const std::string::size_type colon = authority.rfind(':');
    start_sockets();
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (getaddrinfo(authority.substr(0, colon).c_str(), authority.substr(colon + 1).c_str(), &hints,
                    &found) != 0) {
        throw std::runtime_error("no address for " + authority);
    }
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> address(found, freeaddrinfo);
    const Socket connection = socket(found->ai_family, found->ai_socktype, found->ai_protocol);
    const std::string request = method + " /sandbox/api/" + path + " HTTP/1.1\r\nHost: " + authority +
                                "\r\nConnection: close\r\nContent-Type: application/json" +
                                "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
                                body;
    std::string response;
    // Windows has other types for the lengths.
    if (connect(connection, found->ai_addr, static_cast<socklen_t>(found->ai_addrlen)) == 0 &&
        send(connection, request.data(), static_cast<int>(request.size()), no_signal) ==
            static_cast<int>(request.size())) {
        char part[4096];
        for (auto got = recv(connection, part, sizeof part, 0); got > 0;
             got = recv(connection, part, sizeof part, 0)) {
            response.append(part, static_cast<std::size_t>(got));
        }
    }
    close_socket(connection);
    if (response.rfind("HTTP/1.1 2", 0) != 0) {
        throw std::runtime_error(method + " " + path + " of the sandbox: " + response);
    }
    return response.substr(response.find("\r\n\r\n") + 4);
}

// Sets the state of a payment: "approve", "decline", "cancel", "refunded", ...
inline void decide(const std::string& order_number, const std::string& decision) {
    control("POST", "payments/" + order_number + "/decide",
            R"({"decision":")" + decision + R"(","callback":false})");
}

// Injects a fault into the next request to an endpoint ("pay", "mobile", "payout", "check").
inline void inject(const std::string& endpoint, const std::string& action) {
    control("POST", "faults", R"({"on":")" + endpoint + R"(","action":)" + action + "}");
}

// How often a reference occurs in the sandbox's list of received requests.
inline int requests_with(const std::string& reference) {
    const std::string all = control("GET", "requests");
    int count = 0;
    for (std::string::size_type at = 0; (at = all.find(reference, at)) != all.npos; ++at) {
        ++count;
    }
    return count;
}

// A local port without a listener. It stays bound, so that no other process can use it.
class ClosedPort {
public:
    ClosedPort() {
        start_sockets();
        socket_ = socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof address;
        auto* any = reinterpret_cast<sockaddr*>(&address);
        if (bind(socket_, any, length) != 0 || getsockname(socket_, any, &length) != 0) {
            throw std::runtime_error("no port is available");
        }
        url_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    }

    ClosedPort(const ClosedPort&) = delete;
    ClosedPort& operator=(const ClosedPort&) = delete;

    ~ClosedPort() {
        close_socket(socket_);
    }

    const std::string& url() const {
        return url_;
    }

private:
    Socket socket_;
    std::string url_;
};

#endif  // FLEXPAY_TESTS_SANDBOX_HPP
