// A till: requests a payment by card, or by mobile money if a phone number is given, and waits for the
// outcome.
//
//     till REFERENCE AMOUNT CURRENCY [PHONE]          till ZANDO-2041 25.50 USD
//                                                     till ZANDO-2042 57500 CDF "081 234 56 78"
//
// Build: c++ -std=c++17 till.cpp $(pkg-config --cflags --libs flexpay) -pthread -o till
//
// Environment: FLEXPAY_MERCHANT, FLEXPAY_TOKEN, and FLEXPAY_API=v1.1, whose replies contain the order
// number that a wait for a card requires. Ctrl-C ends the wait, but does not cancel the payment.

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
              << ", " << transaction.channel.value_or("?") << "). Thank you!\n";
    return 0;
}

int explain(const flexpay::Error& error) {
    std::cerr << '\n' << error.what() << '\n';
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
        std::cerr << "En cours de confirmation: the customer may have paid, or may still pay. Do not\n"
                     "try again before you know.\n";
        return 3;
    }
}

/// What the customer is asked to pay: here from the arguments of the program.
flexpay::Expected sale_from(char** argv) {
    flexpay::Expected sale;
    sale.reference = argv[1];
    sale.amount = argv[2];
    sale.currency = argv[3];
    return sale;
}

/// Requests the payment, and shows the address of the card page.
flexpay::Payment request_by_card(const flexpay::Client& client, const flexpay::Expected& sale) {
    flexpay::PaymentRequest request;
    request.reference = sale.reference;
    request.amount = sale.amount;
    request.currency = sale.currency;
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
    return payment;
}

/// Requests the payment. There is no page: the customer confirms on the phone.
flexpay::Payment request_by_phone(const flexpay::Client& client, const flexpay::Expected& sale,
                                  const std::string& typed) {
    const std::string phone = flexpay::normalize_phone(typed);
    flexpay::MobileRequest request;
    request.reference = sale.reference;
    request.amount = sale.amount;
    request.currency = sale.currency;
    request.phone = phone;
    request.callback_url = "https://boutique.example/flexpay/callback";
    const flexpay::Payment payment = client.pay_mobile(request);
    std::cout << "The customer confirms with the PIN on the phone " << phone << std::endl;
    return payment;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4 && argc != 5) {
        std::cerr << "usage: till REFERENCE AMOUNT CURRENCY [PHONE]\n";
        return 64;
    }
    try {
        const auto client = flexpay::Client::from_environment();
        const bool by_phone = argc == 5;
        flexpay::Expected sale = sale_from(argv);
        sale.kind = by_phone ? flexpay::Kind::mobile : flexpay::Kind::card;
        const flexpay::Payment payment =
            by_phone ? request_by_phone(client, sale, argv[4]) : request_by_card(client, sale);
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
        // Accept no other payment. The pauses between the checks are those of its kind.
        sale.order_number = payment.order_number;
        options.expected = sale;
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
