// Receives the gateway's callbacks about the sales of the till, verifies each with the gateway, and records the
// result in the till's journal.
//
//     callback_server [PORT]          http://127.0.0.1:8000/callback, behind your web server
//
// It never trusts a callback: anyone can post one. It sends a check to the gateway, and compares the reply with
// what the journal has. HTTP status: 200 if the callback was processed, 400 if it is not a valid callback, 404 if
// it is not about a payment of the journal, 503 if the check failed. The gateway does not promise to send a
// callback again: the till asks about what is open when it starts.
//
// Environment: FLEXPAY_MERCHANT, FLEXPAY_TOKEN, FLEXPAY_API=v1.1, and FLEXPAY_JOURNAL, the file that till.cpp
// uses. With FLEXPAY_CALLBACK_SECRET set here and for the till, forged callbacks are refused without a check.
//
// Build (Debian: apt install libcpp-httplib-dev) and start:
//
//     c++ -std=c++17 -o callback_server callback_server.cpp -pthread $(pkg-config --cflags --libs flexpay cpp-httplib)
//     FLEXPAY_JOURNAL=/var/lib/till/flexpay.db ./callback_server 8000
//
// The till gives its address to the gateway: TILL_CALLBACK_URL=https://shop.example/callback.

#include <iostream>
#include <stdexcept>
#include <string>

#include <flexpay.hpp>
#include <httplib.h>

namespace {

/// Delivers what is paid. The till, and a callback that arrives twice, may do so at the same time: one alone gets
/// `changed`. Returns a line for the log.
std::string deliver(const flexpay::Client& client, const flexpay::Settlement& payment) {
    if (payment.to_deliver && client.journal_acknowledge(payment.reference).changed) {
        return payment.reference + " is PAID: deliver it";
    }
    return payment.reference + " is " + std::string(flexpay::name(payment.state)) + ": nothing to deliver";
}

/// The HTTP status after an error.
int status(const flexpay::Error& error) {
    switch (error.code()) {
    case flexpay::Result::invalid: return error.field() == "reference" ? 404 : 503;
    case flexpay::Result::callback:
    case flexpay::Result::mismatch: return 400;
    default: return 503;
    }
}

/// Processes one callback, whose address had this query string. Returns the HTTP status.
int receive(const flexpay::Client& client, const std::string& body, const std::string& query) try {
    std::cout << deliver(client, client.settle_callback(body, query)) << std::endl;
    return 200;
} catch (const flexpay::Error& error) {
    std::cerr << "callback refused: " << error.what() << std::endl;
    return status(error);
}

}  // namespace

int main(int argc, char** argv) try {
    const auto client = flexpay::Client::from_environment();
    // Fail now, not at the first callback, which would be lost.
    static_cast<void>(client.journal_list());
    httplib::Server server;
    // The default options of httplib allow two servers on one port: each would get some of the callbacks.
    server.set_socket_options([](auto socket) {
        const int yes = 1;
        setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
    server.set_payload_max_length(64 * 1024); // flexpay accepts no more
    server.Post("/callback", [&](const httplib::Request& request, httplib::Response& response) {
        const auto question_mark = request.target.find('?');
        const auto query =
            question_mark == std::string::npos ? "" : request.target.substr(question_mark + 1);
        response.status = receive(client, request.body, query);
    });
    const int requested = argc > 1 ? std::stoi(argv[1]) : 8000;
    const int port = requested == 0 ? server.bind_to_any_port("127.0.0.1")
                     : server.bind_to_port("127.0.0.1", requested) ? requested
                                                                   : -1;
    if (port < 0)
        throw std::runtime_error("the port is taken");
    std::cout << "http://127.0.0.1:" << port << "/callback" << std::endl;
    return server.listen_after_bind() ? 0 : 1;
} catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
}
