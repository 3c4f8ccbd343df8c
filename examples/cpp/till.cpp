// A till: requests a payment by card, or by mobile money if a phone number is given, and waits for the
// outcome. Every sale is in a journal before its request is sent, so that the till survives a power cut.
//
//     till REFERENCE AMOUNT CURRENCY [PHONE]          till ZANDO-2041 25.50 USD
//                                                     till ZANDO-2042 57500 CDF "081 234 56 78"
//
// Build: c++ -std=c++17 till.cpp $(pkg-config --cflags --libs flexpay) -pthread -o till
//
// Environment: FLEXPAY_MERCHANT, FLEXPAY_TOKEN, FLEXPAY_JOURNAL (/var/lib/till/flexpay.db), and
// FLEXPAY_API=v1.1, whose replies contain the order number that a wait for a card requires; and
// TILL_CALLBACK_URL, where callback_server is reached from the internet. Ctrl-C ends the wait, but does not cancel
// the payment.
//
// Exit status: 0 paid: hand over the goods; 2 not paid; 3 unknown: the customer may have paid, or may still pay;
// 4 paid, and the goods were handed over before, or just now with the recorded sales.

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <future>
#include <iostream>
#include <optional>
#include <string>

#include <flexpay.hpp>

namespace {

constexpr int paid = 0;
constexpr int not_paid = 2;
constexpr int unknown = 3;
constexpr int delivered = 4;

/// What the customer is asked to pay: here from the arguments of the program.
struct Sale {
    std::string reference;
    std::string amount;
    std::string currency;
    std::optional<std::string> phone; // absent: by card
};

int explain_unknown() {
    std::cerr << "En cours de confirmation: the customer may have paid, or may still pay. Do not try again\n"
                 "before you know.\n";
    return unknown;
}

int explain(const flexpay::Error& error) {
    std::cerr << '\n' << error.what() << '\n';
    switch (error.outcome()) {
    case flexpay::Outcome::not_sent:
        std::cerr << (error.code() == flexpay::Result::invalid
                          ? "Nothing was sent. Correct the error above.\n"
                          : "Nothing was sent. You may try again.\n");
        return not_paid;
    case flexpay::Outcome::refused:
        std::cerr << "FlexPay refused. Correct the cause, then try again.\n";
        return not_paid;
    default:
        return explain_unknown();
    }
}

/// Hands over what was paid. It is acknowledged first: only one call, ever, gets `changed`. Returns the exit status.
int deliver(const flexpay::Client& client, const std::string& reference) {
    const flexpay::Settlement sale = client.journal_acknowledge(reference);
    if (sale.changed) {
        std::cout << "PAID " << sale.amount << ' ' << sale.currency << " (order "
                  << sale.order_number.value_or("?") << "). Hand over the goods of " << reference
                  << ". Thank you!" << std::endl;
        return paid;
    }
    std::cout << "PAID. The goods of " << reference << " were recorded as handed over at "
              << sale.changed_at << ". Hand over nothing now." << std::endl;
    return delivered;
}

/// Finds out what became of the sales before this start.
void catch_up(const flexpay::Client& client) {
    const flexpay::Reconciliation found = client.reconcile();
    for (const flexpay::Settlement& sale : found.settlements) {
        if (sale.to_deliver) {
            deliver(client, sale.reference);
        } else if (sale.state == flexpay::EntryState::in_doubt) {
            std::cout << "IN DOUBT: " << sale.reference << ". Do not charge again: wait for the callback, or"
                      << " look for it in the FlexPay console." << std::endl;
        }
    }
    if (found.stopped) {
        std::cout << "Not every sale could be checked: " << *found.stopped << std::endl;
    }
}

std::string callback_url() {
    const char* set = std::getenv("TILL_CALLBACK_URL");
    return set != nullptr ? set : "https://boutique.example/flexpay/callback";
}

flexpay::Payment request_by_card(const flexpay::Client& client, const Sale& sale) {
    flexpay::PaymentRequest request;
    request.reference = sale.reference;
    request.amount = sale.amount;
    request.currency = sale.currency;
    request.callback_url = callback_url();
    request.approve_url = "https://boutique.example/paid";
    request.cancel_url = "https://boutique.example/cancelled";
    request.decline_url = "https://boutique.example/declined";
    return client.pay(request);
}

flexpay::Payment request_by_phone(const flexpay::Client& client, const Sale& sale) {
    flexpay::MobileRequest request;
    request.reference = sale.reference;
    request.amount = sale.amount;
    request.currency = sale.currency;
    request.phone = *sale.phone;
    request.callback_url = callback_url();
    return client.pay_mobile(request);
}

void show_card_page(const flexpay::Payment& payment) {
    if (payment.redirect_url) {
        std::cout << "Send the customer to " << *payment.redirect_url << std::endl;
    } else {
        std::ofstream("flexpay.html") << payment.page.value_or("");
        std::cout << "Open flexpay.html in the customer's browser" << std::endl;
    }
}

/// Requests the payment, and shows the customer how to pay.
void request(const flexpay::Client& client, const Sale& sale) {
    const flexpay::Payment payment =
        sale.phone ? request_by_phone(client, sale) : request_by_card(client, sale);
    if (payment.is_recorded) {
        std::cout << "This sale was requested before. Nothing was sent now." << std::endl;
        // It may be paid already: catch_up asked a moment ago.
        if (client.journal_get(sale.reference).state != flexpay::EntryState::accepted) {
            return;
        }
    }
    if (sale.phone) {
        std::cout << "The customer confirms with the PIN on the phone "
                  << flexpay::normalize_phone(*sale.phone) << std::endl;
    } else {
        show_card_page(payment);
    }
}

/// Waits for the customer, with a countdown. What is compared with the reply comes from the journal.
flexpay::Settlement wait(const flexpay::Client& client, const Sale& sale) {
    // Static: a signal handler cannot capture it, and Ctrl-C may come at any time until the exit.
    static const flexpay::CancelToken stop;
    std::signal(SIGINT, [](int) { stop.cancel(); });

    std::chrono::seconds remaining = std::chrono::minutes(5);
    flexpay::WaitOptions options;
    options.timeout = remaining;
    options.cancel = &stop;
    auto outcome = std::async(std::launch::async,
                              [&] { return client.settle(sale.reference, options); });
    do {
        std::cout << "\rWaiting for the customer: " << remaining.count() << " s " << std::flush;
        --remaining;
    } while (outcome.wait_for(std::chrono::seconds(1)) != std::future_status::ready);
    std::cout << '\n';
    return outcome.get();
}

int conclude(const flexpay::Client& client, const flexpay::Settlement& sale) {
    switch (sale.state) {
    case flexpay::EntryState::paid:
        return deliver(client, sale.reference);
    case flexpay::EntryState::failed:
    case flexpay::EntryState::cancelled:
    case flexpay::EntryState::refunding:
    case flexpay::EntryState::refunded:
        std::cout << "NOT PAID: the payment is " << flexpay::name(sale.state)
                  << ". To try again, use a new reference.\n";
        return not_paid;
    default:
        // There is no order number (FLEXPAY_API=v1.1 returns one), or a later version has more states: never
        // treat it as paid.
        std::cout << "UNKNOWN: the payment is " << flexpay::name(sale.state) << ".\n";
        return explain_unknown();
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4 && argc != 5) {
        std::cerr << "usage: till REFERENCE AMOUNT CURRENCY [PHONE]\n";
        return 64;
    }
    const Sale sale{argv[1], argv[2], argv[3],
                    argc == 5 ? std::optional<std::string>(argv[4]) : std::nullopt};
    bool is_requested = false;
    try {
        const auto client = flexpay::Client::from_environment();
        catch_up(client);
        request(client, sale);
        is_requested = true;
        return conclude(client, wait(client, sale));
    } catch (const flexpay::Error& error) {
        if (!is_requested) {
            return explain(error);
        }
        // The payment request was accepted: an error of the wait does not mean "not paid".
        std::cerr << '\n' << error.what() << '\n';
        return explain_unknown();
    }
}
