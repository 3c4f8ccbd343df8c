// A till: asks for a card payment, shows the customer where to go, and waits for the outcome.
//
//     till REFERENCE AMOUNT CURRENCY          till ZANDO-2041 25.50 USD
//
// Build: c++ -std=c++17 till.cpp $(pkg-config --cflags --libs flexpay) -pthread -o till
//
// Its settings come from the environment: FLEXPAY_MERCHANT, FLEXPAY_TOKEN, and FLEXPAY_API=v1.1,
// whose replies carry the order number that a wait needs. Ctrl-C ends the wait, not the payment.

#include <chrono>
#include <csignal>
#include <fstream>
#include <future>
#include <iostream>
#include <optional>

#include <flexpay.hpp>

namespace {

int receipt(const flexpay::Transaction& transaction) {
    if (transaction.state != flexpay::State::paid) {
        std::cout << "NOT PAID: the payment is " << flexpay::name(transaction.state)
                  << ". To try again, take a new reference.\n";
        return 1;
    }
    std::cout << "PAID " << transaction.amount.value_or("?") << ' '
              << transaction.currency.value_or("?") << " (order " << transaction.order_number
              << ", " << transaction.channel.value_or("card") << "). Thank you!\n";
    return 0;
}

int reason(const flexpay::Error& error) {
    std::cerr << "\nNo payment to show: " << error.what() << '\n';
    switch (error.outcome()) {
    case flexpay::Outcome::not_sent:
        std::cerr << (error.code() == flexpay::Result::invalid
                          ? "Nothing was sent. Mend what is named above.\n"
                          : "Nothing was sent. You may try again.\n");
        return 2;
    case flexpay::Outcome::refused:
        std::cerr << "FlexPay says no. If it knows the reference, find out about that payment first;\n"
                     "else mend the cause, then take a new reference.\n";
        return 2;
    default: // the message says what to look up
        std::cerr << "The customer may have paid. Do not ask again before you know.\n";
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
            std::cout << "No order number came (FLEXPAY_API=v1.1 gives one): await the callback.\n";
            return 0;
        }

        // Static: a signal handler can hold nothing, and Ctrl-C may come to the very end.
        static const flexpay::CancelToken stop;
        std::signal(SIGINT, [](int) { stop.cancel(); });

        std::chrono::seconds left = std::chrono::minutes(5);
        flexpay::WaitOptions options;
        options.timeout = left;
        options.cancel = &stop;
        // No other payment will do.
        options.expected = flexpay::Expected{request.reference, request.amount, request.currency,
                                             payment.order_number, std::nullopt};
        auto outcome = std::async(std::launch::async,
                                  [&] { return client.wait(*payment.order_number, options); });
        do {
            std::cout << "\rWaiting for the customer: " << left.count() << " s " << std::flush;
            --left;
        } while (outcome.wait_for(std::chrono::seconds(1)) != std::future_status::ready);
        std::cout << '\n';
        return receipt(outcome.get());
    } catch (const flexpay::Error& error) {
        return reason(error);
    }
}
