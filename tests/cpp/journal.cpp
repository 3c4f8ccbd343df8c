// Tests of payments through a journal, against the sandbox. with_sandbox.cpp has main().

#include <chrono>
#include <thread>

#include "journal.hpp"

#include "journal_file.hpp"
#include "sandbox.hpp"

namespace {

using flexpay::EntryState;
using flexpay::JournalFilter;
using flexpay::Outcome;
using flexpay::Resolution;
using flexpay::Result;
using flexpay::Settlement;

// Requests a payment, and the customer pays it. Returns its order number.
std::string paid(const flexpay::Client& client, const flexpay::PaymentRequest& request) {
    const std::string order = client.pay(request).order_number.value();
    decide(order, "approve");
    return order;
}

// Requests a payment whose reply is lost.
void lose_reply(const flexpay::Client& client, const flexpay::PaymentRequest& request) {
    inject("pay", R"({"kind":"reset_after_reading"})");
    CHECK(error_of([&] { return client.pay(request); }).outcome() == Outcome::unknown);
}

// The number of the order that the gateway has under a reference.
std::string order_of(const std::string& reference) {
    const std::string all = control("GET", "payments");
    const std::string before = R"("order_number":")";
    const std::string::size_type named = all.find(R"("reference":")" + reference + '"');
    const std::string::size_type begin = all.rfind(before, named) + before.size();
    CHECK(named != all.npos);
    return all.substr(begin, all.find('"', begin) - begin);
}

std::string callback(const std::string& reference, const std::string& order) {
    return R"({"code":"0","reference":")" + reference + R"(","orderNumber":")" + order + R"("})";
}

void refused_for(const std::string& field, const flexpay::Error& error) {
    if (error.code() != Result::invalid || error.field() != field) {
        throw std::logic_error("not refused because of " + field + ": " + error.what());
    }
}

void a_payment_comes_back_as_it_was_recorded() {
    const Journal journal;
    const flexpay::PaymentRequest request = sandbox_request();
    const flexpay::Payment first = journal.client().pay(request);
    const flexpay::Client restarted = journal.client();
    const flexpay::Payment second = restarted.pay(request);
    CHECK(!first.is_recorded && second.is_recorded);
    CHECK(second.order_number == first.order_number);
    CHECK(second.redirect_url == first.redirect_url);
    CHECK(requests_with(request.reference) == 1);

    flexpay::PaymentRequest other = request;
    other.amount = "26";
    refused_for("amount", error_of([&] { return restarted.pay(other); }));
}

void every_field_of_an_entry_is_copied() {
    const Journal journal;
    const flexpay::Client client = journal.client();
    const flexpay::MobileRequest request = mobile_request();
    const flexpay::Payment payment = client.pay_mobile(request);
    const Settlement entry = client.journal_get(request.reference);
    CHECK(entry.reference == request.reference);
    CHECK(entry.kind == flexpay::Kind::mobile);
    CHECK(entry.state == EntryState::accepted);
    CHECK(!entry.changed && !entry.to_deliver && entry.is_open);
    CHECK(entry.amount == "25.50");
    CHECK(entry.currency == "USD");
    CHECK(entry.phone == "243812345678");
    CHECK(entry.order_number == payment.order_number);
    CHECK(!entry.other_order_number && !entry.redirect_url && !entry.page);
    CHECK(entry.last_answer == "ACCEPTED");
    CHECK(!entry.resolved_by && !entry.resolved_why && !entry.problem);
    CHECK(entry.created_at.size() == 20 && entry.changed_at.size() == 20);
    refused_for("reference", error_of([&] { return client.journal_get("never-used"); }));
    refused_for("reference", error_of([&] { return client.journal_get(std::string("a\0b", 3)); }));
}

void what_is_paid_is_delivered_once() {
    const Journal journal;
    const flexpay::Client client = journal.client();
    const flexpay::PaymentRequest request = sandbox_request();
    const std::string order = client.pay(request).order_number.value();
    CHECK(client.settle(request.reference).state == EntryState::accepted);
    CHECK(error_of([&] { return client.journal_acknowledge(request.reference); }).code() ==
          Result::invalid);
    decide(order, "approve");
    flexpay::WaitOptions wait;
    wait.timeout = std::chrono::seconds(60);
    const Settlement settlement = client.settle(request.reference, wait);
    CHECK(settlement.state == EntryState::paid && settlement.changed && settlement.to_deliver);
    CHECK(!client.settle(request.reference).changed);
    CHECK(client.journal_acknowledge(request.reference).changed);
    const Settlement again = client.journal_acknowledge(request.reference);
    CHECK(!again.changed && !again.to_deliver);
}

void a_wait_for_an_entry_is_cancelled() {
    const Journal journal;
    const flexpay::Client client = journal.client();
    const flexpay::PaymentRequest request = sandbox_request();
    CHECK(client.pay(request).order_number);
    const flexpay::CancelToken cancelled;
    cancelled.cancel();
    flexpay::WaitOptions wait;
    wait.cancel = &cancelled;
    CHECK(error_of([&] { return client.settle(request.reference, wait); }).code() ==
          Result::cancelled);
    flexpay::ReconcileOptions options;
    options.cancel = &cancelled;
    const flexpay::Reconciliation found = client.reconcile(options);
    CHECK(found.settlements.size() == 1 && found.stopped);
    flexpay::CancelToken moved_from;
    const flexpay::CancelToken moved_to = std::move(moved_from);
    options.cancel = &moved_from;
    refused_for("cancel", error_of([&] { return client.reconcile(options); }));
    options.cancel = nullptr;
    options.timeout = std::chrono::milliseconds(0);
    refused_for("timeout", error_of([&] { return client.reconcile(options); }));
}

void a_callback_settles_what_is_in_doubt() {
    const Journal journal;
    const flexpay::Client client = journal.client();
    const flexpay::PaymentRequest request = sandbox_request();
    lose_reply(client, request);
    const flexpay::Error again = error_of([&] { return client.pay(request); });
    CHECK(again.code() == Result::in_doubt && again.outcome() == Outcome::unknown);
    const std::string order = order_of(request.reference);
    decide(order, "approve");
    const Settlement settlement = client.settle_callback(callback(request.reference, order));
    CHECK(settlement.state == EntryState::paid && settlement.changed);
    CHECK(settlement.order_number == order);
    refused_for("reference",
                error_of([&] { return client.settle_callback(callback("never-used", "1")); }));

    flexpay::Config with_secret = journal.config();
    with_secret.callback_secret = "a secret of the shop, made for this test";
    const flexpay::Client signing(with_secret);
    flexpay::PaymentRequest signed_request = sandbox_request();
    const std::string signed_order = paid(signing, signed_request);
    const std::string body = callback(signed_request.reference, signed_order);
    refused_for("query", error_of([&] { return signing.settle_callback(body); }));
    const std::string recorded = control("GET", "payments/" + signed_order);
    const std::string::size_type begin = recorded.find("/callback?") + std::strlen("/callback?");
    const std::string query = recorded.substr(begin, recorded.find('"', begin) - begin);
    CHECK(signing.settle_callback(body, query).state == EntryState::paid);
}

void reconciling_finds_what_was_paid_meanwhile() {
    const Journal journal;
    const flexpay::PaymentRequest one = sandbox_request();
    const flexpay::PaymentRequest two = sandbox_request();
    {
        const flexpay::Client crashed = journal.client();
        paid(crashed, one);
        CHECK(crashed.pay(two).order_number);
    }
    const flexpay::Client client = journal.client();
    const flexpay::Reconciliation found = client.reconcile();
    CHECK(!found.stopped);
    CHECK(found.settlements.size() == 2);
    for (const Settlement& settlement : found.settlements) {
        const bool is_one = settlement.reference == one.reference;
        CHECK(settlement.changed == is_one && settlement.to_deliver == is_one);
        CHECK(settlement.state == (is_one ? EntryState::paid : EntryState::accepted));
    }
    flexpay::Config unreachable = journal.config();
    const ClosedPort nobody;
    unreachable.check_url = nobody.url();
    const flexpay::Reconciliation stopped = flexpay::Client(unreachable).reconcile();
    CHECK(stopped.stopped);
    CHECK(stopped.settlements.size() == 2); // one open, one to deliver
}

void entries_are_listed() {
    const Journal journal;
    const flexpay::Client client = journal.client();
    CHECK(client.journal_list().empty());
    std::vector<flexpay::PaymentRequest> requests;
    for (int count = 0; count < 3; ++count) {
        requests.push_back(sandbox_request());
        CHECK(client.pay(requests.back()).order_number);
    }
    const flexpay::PaymentRequest lost = sandbox_request();
    lose_reply(client, lost);
    flexpay::JournalQuery query;
    query.limit = 2;
    std::vector<std::string> seen;
    for (;;) {
        const std::vector<Settlement> page = client.journal_list(query);
        if (page.empty()) {
            break;
        }
        for (const Settlement& entry : page) {
            CHECK(query.after.empty() || entry.reference > query.after);
            seen.push_back(entry.reference);
            query.after = entry.reference;
        }
    }
    CHECK(seen.size() == 4);
    flexpay::JournalQuery in_doubt;
    in_doubt.filter = JournalFilter::in_doubt;
    const std::vector<Settlement> doubtful = client.journal_list(in_doubt);
    CHECK(doubtful.size() == 1 && doubtful[0].reference == lost.reference);
    query.limit = 0;
    refused_for("limit", error_of([&] { return client.journal_list(query); }));
    query = flexpay::JournalQuery();
    query.filter = static_cast<JournalFilter>(4);
    refused_for("filter", error_of([&] { return client.journal_list(query); }));
}

void a_person_resolves_an_entry() {
    const Journal journal;
    const flexpay::Client client = journal.client();
    const flexpay::PaymentRequest request = sandbox_request();
    lose_reply(client, request);
    Resolution resolution;
    resolution.reference = request.reference;
    resolution.why = "not in the console";
    resolution.state = EntryState::not_sent;
    refused_for("who", error_of([&] { return client.journal_resolve(resolution); }));
    resolution.who = "Awa";
    resolution.state = EntryState::paid;
    refused_for("state", error_of([&] { return client.journal_resolve(resolution); }));
    resolution.state.reset();
    refused_for("state", error_of([&] { return client.journal_resolve(resolution); }));
    resolution.order_number = order_of(request.reference);
    CHECK(client.journal_resolve(resolution).state == EntryState::in_doubt);
    decide(*resolution.order_number, "approve");
    const Settlement settlement = client.settle(request.reference);
    CHECK(settlement.state == EntryState::paid);
    CHECK(settlement.resolved_by == "Awa" && settlement.resolved_why == "not in the console");

    const flexpay::PaymentRequest other = sandbox_request();
    lose_reply(client, other);
    resolution.reference = other.reference;
    resolution.order_number.reset();
    resolution.state = EntryState::not_sent;
    CHECK(client.journal_resolve(resolution).changed);
}

void old_entries_are_pruned() {
    const Journal journal;
    const flexpay::Client client = journal.client();
    CHECK(client.journal_prune(0) == 0);
    const flexpay::PaymentRequest request = sandbox_request();
    paid(client, request);
    CHECK(client.settle(request.reference).to_deliver);
    CHECK(client.journal_acknowledge(request.reference).changed);
    CHECK(client.journal_prune(1) == 0);
    std::this_thread::sleep_for(std::chrono::milliseconds(1100)); // the times in the file are whole seconds
    CHECK(client.journal_prune(0) == 1);
    refused_for("reference", error_of([&] { return client.pay(request); }));
}

void a_call_without_a_journal_is_refused() {
    const flexpay::Client client(sandbox_config());
    refused_for("journal", error_of([&] { return client.settle("R1"); }));
    refused_for("journal", error_of([&] { return client.reconcile(); }));
    refused_for("journal", error_of([&] { return client.journal_list(); }));
    refused_for("journal", error_of([&] { return client.journal_prune(1); }));
    flexpay::Config nowhere = sandbox_config();
    nowhere.journal = "/nowhere/journal.db";
    const flexpay::Error error =
        error_of([&] { return flexpay::Client(nowhere).pay(sandbox_request()); });
    CHECK(error.code() == Result::journal && error.outcome() == Outcome::not_sent);
    flexpay::Client moved = flexpay::Client(sandbox_config());
    const flexpay::Client taken = std::move(moved);
    refused_for("client", error_of([&] { return moved.settle("R1"); }));
    refused_for("client", error_of([&] { return moved.journal_prune(1); }));
}

void a_step_of_the_rule() {
    const std::string reply = flexpay::journal_step(
        R"({"entry":null,"sender_is_alive":false,"event":{"event":"pay","reference":"R1",)"
        R"("sender":"till 1","terms":{"kind":"CARD","amount":"1","currency":"USD","phone":null}}})");
    CHECK(reply.find(R"("action":"send","attempt":1)") != reply.npos);
    refused_for("request", error_of([] { return flexpay::journal_step("nonsense"); }));
    CHECK(flexpay::name(EntryState::in_doubt) == "IN_DOUBT");
    CHECK(flexpay::name(static_cast<EntryState>(0)) == "UNRECOGNIZED");
}

}  // namespace

std::vector<Test> tests_with_a_journal() {
    return {
        {"a payment comes back as it was recorded", a_payment_comes_back_as_it_was_recorded},
        {"every field of an entry is copied", every_field_of_an_entry_is_copied},
        {"what is paid is delivered once", what_is_paid_is_delivered_once},
        {"a wait for an entry is cancelled", a_wait_for_an_entry_is_cancelled},
        {"a callback settles what is in doubt", a_callback_settles_what_is_in_doubt},
        {"reconciling finds what was paid meanwhile", reconciling_finds_what_was_paid_meanwhile},
        {"entries are listed", entries_are_listed},
        {"a person resolves an entry", a_person_resolves_an_entry},
        {"old entries are pruned", old_entries_are_pruned},
        {"a call without a journal is refused", a_call_without_a_journal_is_refused},
        {"a step of the rule", a_step_of_the_rule},
    };
}
