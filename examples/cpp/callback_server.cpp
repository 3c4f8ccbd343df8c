// Receives the gateway's callbacks about payments by card and by mobile money, verifies each with the
// gateway, and records the result.
//
//     callback_server [PORT]          http://127.0.0.1:8000/callback, behind your web server
//
// It never trusts a callback: anyone can post one. It sends a check to the gateway, and compares the
// reply with the shop's records. HTTP status: 200 if the callback was processed, 400 if it is not a valid
// callback, 404 if it is not about a payment of this shop, 503 if the check failed. The gateway does not
// promise to send a callback again: check orders that stay open with Client::verify_order.
//
// Environment: FLEXPAY_MERCHANT, FLEXPAY_TOKEN, FLEXPAY_API=v1.1, and SHOP_DATABASE, a SQLite file
// created with schema.sql. With FLEXPAY_CALLBACK_SECRET set here and in the program that
// requests payments, forged callbacks are refused without a check.
//
// Build (Debian: apt install libcpp-httplib-dev libsqlite3-dev sqlite3) and start:
//
//     c++ -std=c++17 -o callback_server callback_server.cpp -pthread $(pkg-config --cflags --libs flexpay cpp-httplib sqlite3)
//     sqlite3 shop.sqlite < schema.sql
//     SHOP_DATABASE=shop.sqlite ./callback_server 8000
//
// The program that requests the payments writes the orders and attempts, each with its kind.

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

    /// Runs a statement with these values for its question marks, and returns its rows.
    std::vector<Row> run(const std::string& sql, const std::vector<Text>& values = {}) {
        sqlite3_stmt* prepared = nullptr;
        check(sqlite3_prepare_v2(handle_.get(), sql.c_str(), -1, &prepared, nullptr), SQLITE_OK);
        const std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> statement(prepared,
                                                                              sqlite3_finalize);
        int index = 1;
        for (const Text& value : values) {
            check(value ? sqlite3_bind_text(prepared, index, value->c_str(), -1, SQLITE_TRANSIENT)
                        : sqlite3_bind_null(prepared, index),
                  SQLITE_OK);
            ++index;
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

    /// The number of rows that the last statement changed.
    int changed_rows() { return sqlite3_changes(handle_.get()); }

private:
    void check(int code, int expected) {
        if (code != expected)
            throw std::runtime_error(sqlite3_errmsg(handle_.get()));
    }

    std::unique_ptr<sqlite3, int (*)(sqlite3*)> handle_{nullptr, sqlite3_close};
};

/// The state with this name, as stored in the database. Any other text is unknown.
flexpay::State state_from_name(const std::string& name) {
    using flexpay::State;
    for (State state : {State::pending, State::paid, State::failed, State::cancelled,
                        State::refunding, State::refunded})
        if (flexpay::name(state) == name)
            return state;
    return State::unknown;
}

/// The kind of payment with this name, as stored in the database.
flexpay::Kind kind_from_name(const std::string& name) {
    if (name == "CARD")
        return flexpay::Kind::card;
    if (name == "MOBILE")
        return flexpay::Kind::mobile;
    throw std::runtime_error("the shop has no payments of the kind " + name);
}

/// Finds the attempt that a callback is about, first by the recorded order number. The gateway has been
/// seen to send the order number in the field of the reference.
std::optional<Row> find_attempt(Database& database, const flexpay::Callback& callback) {
    const std::pair<const char*, Text> keys[] = {{"order_number", callback.order_number},
                                                 {"order_number", callback.reference},
                                                 {"reference", callback.reference}};
    for (const auto& [column, value] : keys) {
        const auto rows = database.run(
            std::string("SELECT attempts.*, amount, currency FROM attempts"
                        " JOIN orders ON orders.id = order_id WHERE ") + column + " = ?",
            {value});
        if (!rows.empty())
            return rows.front();
    }
    return std::nullopt;
}

/// Records the new state, if it may replace the recorded one. Returns a line for the log.
///
/// Callbacks arrive twice, at the same time, and late. It is all one transaction, so that each sees what
/// the others wrote, and the order is delivered once. (An exception closes the connection, which rolls
/// the transaction back.)
std::string record(Database& database, const std::string& reference,
                   const flexpay::Transaction& transaction) {
    database.run("BEGIN IMMEDIATE");
    const Row row = database.run("SELECT state FROM attempts WHERE reference = ?", {reference}).at(0);
    const std::string recorded = row.at("state").value();
    if (!flexpay::state_may_replace(state_from_name(recorded), transaction.state)) {
        database.run("COMMIT");
        return reference + " stays " + recorded;
    }
    const std::string now{flexpay::name(transaction.state)};
    database.run("UPDATE attempts SET state = ?, order_number = coalesce(order_number, ?)"
                 " WHERE reference = ?",
                 {now, transaction.order_number, reference});
    std::string line = reference + " is " + now;
    if (transaction.state == flexpay::State::paid) {
        database.run("UPDATE orders SET paid_by = ?, paid_at = datetime('now') WHERE paid_by IS NULL"
                     " AND id = (SELECT order_id FROM attempts WHERE reference = ?)",
                     {reference, reference});
        line += database.changed_rows() == 1 ? ": deliver the order" // reached once per order
                                        : ", and its order was paid already: refund it";
    }
    database.run("COMMIT");
    return line;
}

/// Processes one callback, whose address had this query string. Returns the HTTP status.
int receive(const flexpay::Client& client, const std::string& body, const std::string& query) try {
    Database database(std::getenv("SHOP_DATABASE"));
    const auto attempt = find_attempt(database, flexpay::parse_callback(body));
    if (!attempt)
        return 404;
    flexpay::Expected expected;
    expected.reference = attempt->at("reference").value();
    expected.amount = attempt->at("amount").value();
    expected.currency = attempt->at("currency").value();
    expected.order_number = attempt->at("order_number");
    expected.query = query;
    expected.kind = kind_from_name(attempt->at("kind").value());
    const auto transaction = client.verify_callback(body, expected);
    std::cout << record(database, expected.reference, transaction) << std::endl;
    return 200;
} catch (const flexpay::Error& error) {
    std::cerr << "callback refused: " << error.what() << std::endl;
    const bool forged =
        error.code() == flexpay::Result::callback || error.code() == flexpay::Result::mismatch;
    return forged ? 400 : 503;
} catch (const std::exception& error) {
    std::cerr << "callback not recorded: " << error.what() << std::endl;
    return 503;
}

}  // namespace

int main(int argc, char** argv) try {
    if (std::getenv("SHOP_DATABASE") == nullptr)
        throw std::runtime_error("SHOP_DATABASE is not set: it must name the database of the shop");
    // Fail now, not at the first callback, which would be lost.
    Database(std::getenv("SHOP_DATABASE")).run("SELECT count(*) FROM attempts");
    const auto client = flexpay::Client::from_environment();
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
