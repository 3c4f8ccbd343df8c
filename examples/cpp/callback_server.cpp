// Takes the gateway's notices, and writes down what the gateway itself says of each.
//
//     callback_server [PORT]          http://127.0.0.1:8000/callback, behind your web server
//
// It believes no notice: anyone can post one. Each is verified with the gateway, against what the shop
// recorded. Answers: 200 when the notice was dealt with, 400 when it is no notice of ours, 404 when it
// is about no payment of ours, 503 when the gateway could not be asked. It promises nowhere that it
// posts again: what stays open is to be asked about with Client::verify_order.
//
// Its settings come from the environment: FLEXPAY_MERCHANT, FLEXPAY_TOKEN, FLEXPAY_API=v1.1, and
// SHOP_DATABASE, a SQLite file made with examples/php/schema.sql. With FLEXPAY_CALLBACK_SECRET set here
// and where payments are made, forged notices are refused without asking the gateway.
//
// Build (Debian: apt install libcpp-httplib-dev libsqlite3-dev sqlite3) and start:
//
//     c++ -std=c++17 -o callback_server callback_server.cpp -pthread $(pkg-config --cflags --libs flexpay cpp-httplib sqlite3)
//     sqlite3 shop.sqlite < ../php/schema.sql
//     SHOP_DATABASE=shop.sqlite ./callback_server 8000
//
// The orders and attempts in it are written by what asks for the payments, as examples/php/pay.php does.

#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <flexpay.hpp>
#include <httplib.h>
#include <sqlite3.h>

namespace {

using Text = std::optional<std::string>;
using Row = std::map<std::string, Text>;

/// One connection to the shop's database.
class Database {
public:
    explicit Database(const std::string& path) {
        sqlite3* opened = nullptr;
        const int code = sqlite3_open_v2(path.c_str(), &opened, SQLITE_OPEN_READWRITE, nullptr);
        handle_.reset(opened);
        check(code, SQLITE_OK);
        sqlite3_busy_timeout(opened, 5000); // milliseconds
    }

    /// Runs a statement with these values for its question marks, and gives its rows.
    std::vector<Row> run(const std::string& sql, const std::vector<Text>& values = {}) {
        sqlite3_stmt* prepared = nullptr;
        check(sqlite3_prepare_v2(handle_.get(), sql.c_str(), -1, &prepared, nullptr), SQLITE_OK);
        const std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> statement(prepared,
                                                                              sqlite3_finalize);
        int place = 1;
        for (const Text& value : values) {
            check(value ? sqlite3_bind_text(prepared, place, value->c_str(), -1, SQLITE_TRANSIENT)
                        : sqlite3_bind_null(prepared, place),
                  SQLITE_OK);
            ++place;
        }
        std::vector<Row> rows;
        int code = SQLITE_OK;
        while ((code = sqlite3_step(prepared)) == SQLITE_ROW) {
            Row row;
            for (int column = 0; column < sqlite3_column_count(prepared); ++column) {
                const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(prepared, column));
                row[sqlite3_column_name(prepared, column)] =
                    text != nullptr ? Text(text) : std::nullopt;
            }
            rows.push_back(std::move(row));
        }
        check(code, SQLITE_DONE);
        return rows;
    }

    /// How many rows the last statement changed.
    int changed() { return sqlite3_changes(handle_.get()); }

private:
    void check(int code, int good) {
        if (code != good)
            throw std::runtime_error(sqlite3_errmsg(handle_.get()));
    }

    std::unique_ptr<sqlite3, int (*)(sqlite3*)> handle_{nullptr, sqlite3_close};
};

/// The state of that name, as the library spells it and the database keeps it.
flexpay::State state_named(const std::string& name) {
    using flexpay::State;
    for (State state : {State::pending, State::paid, State::failed, State::cancelled,
                        State::refunding, State::refunded})
        if (flexpay::name(state) == name)
            return state;
    return State::unknown;
}

/// The attempt that a notice is about. The number that this shop recorded comes first; the gateway has
/// been seen to write it where the reference belongs.
std::optional<Row> find(Database& database, const flexpay::Callback& notice) {
    const std::pair<const char*, Text> ways[] = {{"order_number", notice.order_number},
                                                 {"order_number", notice.reference},
                                                 {"reference", notice.reference}};
    for (const auto& [column, value] : ways) {
        const auto rows = database.run(
            std::string("SELECT attempts.*, amount, currency FROM attempts"
                        " JOIN orders ON orders.id = order_id WHERE ") + column + " = ?",
            {value});
        if (!rows.empty())
            return rows.front();
    }
    return std::nullopt;
}

/// Writes down what the gateway said, unless more is known already; gives a line for the log.
///
/// Notices come twice, at the same time, and late. All of it is one transaction, so that each of them
/// sees what the others wrote, and the goods go out once. (An exception closes the connection, and with
/// it the transaction ends as if nothing had been written.)
std::string record(Database& database, const std::string& reference,
                   const flexpay::Transaction& transaction) {
    database.run("BEGIN IMMEDIATE");
    const Row row = database.run("SELECT state FROM attempts WHERE reference = ?", {reference}).at(0);
    const std::string recorded = row.at("state").value();
    if (!flexpay::state_may_replace(state_named(recorded), transaction.state)) {
        database.run("COMMIT");
        return reference + " stays " + recorded;
    }
    const std::string now{flexpay::name(transaction.state)};
    database.run("UPDATE attempts SET state = ?, order_number = coalesce(order_number, ?)"
                 " WHERE reference = ?",
                 {now, transaction.order_number, reference});
    std::string then = reference + " is " + now;
    if (transaction.state == flexpay::State::paid) {
        database.run("UPDATE orders SET paid_by = ?, paid_at = datetime('now') WHERE paid_by IS NULL"
                     " AND id = (SELECT order_id FROM attempts WHERE reference = ?)",
                     {reference, reference});
        then += database.changed() == 1 ? ": deliver the order" // here the goods go out, once
                                        : ", and its order was paid already: refund it";
    }
    database.run("COMMIT");
    return then;
}

/// Deals with one notice, which came to an address with this query; gives the status for the gateway.
int receive(const flexpay::Client& client, const std::string& body, const std::string& query) try {
    Database database(std::getenv("SHOP_DATABASE"));
    const auto attempt = find(database, flexpay::parse_callback(body));
    if (!attempt)
        return 404;
    flexpay::Expected expected;
    expected.reference = attempt->at("reference").value();
    expected.amount = attempt->at("amount").value();
    expected.currency = attempt->at("currency").value();
    expected.order_number = attempt->at("order_number");
    expected.query = query;
    const auto transaction = client.verify_callback(body, expected);
    std::cout << record(database, expected.reference, transaction) << std::endl;
    return 200;
} catch (const flexpay::Error& error) {
    std::cerr << "notice refused: " << error.what() << std::endl;
    const bool untrue =
        error.code() == flexpay::Result::callback || error.code() == flexpay::Result::mismatch;
    return untrue ? 400 : 503;
} catch (const std::exception& error) {
    std::cerr << "notice not recorded: " << error.what() << std::endl;
    return 503;
}

}  // namespace

int main(int argc, char** argv) try {
    if (std::getenv("SHOP_DATABASE") == nullptr)
        throw std::runtime_error("SHOP_DATABASE is not set: the file of the shop's orders");
    // Now, not at the first notice, which would be lost.
    Database(std::getenv("SHOP_DATABASE")).run("SELECT count(*) FROM attempts");
    const auto client = flexpay::Client::from_environment();
    httplib::Server server;
    // Not the library's own, which would let two servers share a port, and the notices.
    server.set_socket_options([](auto socket) {
        const int yes = 1;
        setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
    server.set_payload_max_length(64 * 1024); // the library reads no more
    server.Post("/callback", [&](const httplib::Request& request, httplib::Response& response) {
        const auto question = request.target.find('?');
        const auto query =
            question == std::string::npos ? "" : request.target.substr(question + 1);
        response.status = receive(client, request.body, query);
    });
    const int wanted = argc > 1 ? std::stoi(argv[1]) : 8000;
    const int port = wanted == 0 ? server.bind_to_any_port("127.0.0.1")
                     : server.bind_to_port("127.0.0.1", wanted) ? wanted
                                                                : -1;
    if (port < 0)
        throw std::runtime_error("the port is taken");
    std::cout << "http://127.0.0.1:" << port << "/callback" << std::endl;
    return server.listen_after_bind() ? 0 : 1;
} catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
}
