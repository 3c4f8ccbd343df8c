// A till: requests a card payment, shows the address of the card page, and waits for the outcome.
//
//     till REFERENCE AMOUNT CURRENCY          till ZANDO-2041 25.50 USD
//
// Build: c++ -std=c++17 till.cpp $(pkg-config --cflags --libs flexpay) -pthread -o till
//
// Environment: FLEXPAY_MERCHANT, FLEXPAY_TOKEN, and FLEXPAY_API=v1.1, whose replies contain the order
// number that a wait requires. Ctrl-C ends the wait, but does not cancel the payment.

#include <chrono>
#include <csignal>
#include <fstream>
#include <future>
#include <iostream>
#include <optional>

#include <flexpay.hpp>

namespace {

int print_result(const flexpay::Transaction& transaction) {
    if (transaction.state != flexpay::State::paid) {
        std::cout << "NOT PAID: the payment is " << flexpay::name(transaction.state)
                  << ". To try again, use a new reference.\n";
        return 1;
    }
    std::cout << "PAID " << transaction.amount.value_or("?") << ' '
              << transaction.currency.value_or("?") << " (order " << transaction.order_number
              << ", " << transaction.channel.value_or("card") << "). Thank you!\n";
    return 0;
}

int explain(const flexpay::Error& error) {
    std::cerr << "\nThe payment failed: " << error.what() << '\n';
    switch (error.outcome()) {
    case flexpay::Outcome::not_sent:
        std::cerr << (error.code() == flexpay::Result::invalid
                          ? "Nothing was sent. Correct the error above.\n"
                          : "Nothing was sent. You may try again.\n");
        return 2;
    case flexpay::Outcome::refused:
        std::cerr << "FlexPay refused. If the reference was used before, check that payment first;\n"
                     "otherwise correct the cause, then use a new reference.\n";
        return 2;
    default: // the error message says which order to check
        std::cerr << "The customer may have paid. Do not try again before you know.\n";
        return 3;
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::cerr << "usage: till REFERENCE AMOUNT CURRENCY\n";
        return 64;
    }
    try {
        const auto client = flexpay::Client::from_environment();

        flexpay::PaymentRequest request;
        request.reference = argv[1];
        request.amount = argv[2];
        request.currency = argv[3];
        request.callback_url = "https://boutique.example/flexpay/callback";
        request.approve_url = "https://boutique.example/paid";
        request.cancel_url = "https://boutique.example/cancelled";
        request.decline_url = "https://boutique.example/declined";
        const flexpay::Payment payment = client.pay(request);

        if (payment.redirect_url) {
            std::cout << "Send the customer to " << *payment.redirect_url << std::endl;
        } else {
            std::ofstream("flexpay.html") << payment.page.value_or("");
            std::cout << "Open flexpay.html in the customer's browser" << std::endl;
        }
        if (!payment.order_number) {
            std::cout << "There is no order number (FLEXPAY_API=v1.1 returns one): wait for the callback.\n";
            return 0;
        }

        // Static: a signal handler cannot capture it, and Ctrl-C may come at any time until the exit.
        static const flexpay::CancelToken stop;
        std::signal(SIGINT, [](int) { stop.cancel(); });

        std::chrono::seconds remaining = std::chrono::minutes(5);
        flexpay::WaitOptions options;
        options.timeout = remaining;
        options.cancel = &stop;
        // Accept no other payment.
        options.expected = flexpay::Expected{request.reference, request.amount, request.currency,
                                             payment.order_number, std::nullopt};
        auto outcome = std::async(std::launch::async,
                                  [&] { return client.wait(*payment.order_number, options); });
        do {
            std::cout << "\rWaiting for the customer: " << remaining.count() << " s " << std::flush;
            --remaining;
        } while (outcome.wait_for(std::chrono::seconds(1)) != std::future_status::ready);
        std::cout << '\n';
        return print_result(outcome.get());
    } catch (const flexpay::Error& error) {
        return explain(error);
    }
}
