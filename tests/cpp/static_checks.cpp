// Compile-time checks of flexpay.hpp.

// Included first, to show that it does not depend on other includes.
#include "flexpay.hpp"

#include <stdexcept>
#include <type_traits>

namespace {

// Handles move and do not copy; moving one cannot fail.
static_assert(!std::is_copy_constructible_v<flexpay::Client>);
static_assert(!std::is_copy_assignable_v<flexpay::Client>);
static_assert(std::is_nothrow_move_constructible_v<flexpay::Client>);
static_assert(std::is_nothrow_move_assignable_v<flexpay::Client>);
static_assert(!std::is_copy_constructible_v<flexpay::CancelToken>);
static_assert(!std::is_copy_assignable_v<flexpay::CancelToken>);
static_assert(std::is_nothrow_move_constructible_v<flexpay::CancelToken>);
static_assert(std::is_nothrow_move_assignable_v<flexpay::CancelToken>);

// A handle is as large as the pointer in it.
static_assert(sizeof(flexpay::Client) == sizeof(flexpay_client*));
static_assert(sizeof(flexpay::CancelToken) == sizeof(flexpay_cancel_token*));

// Results are plain values.
static_assert(std::is_copy_constructible_v<flexpay::Payment>);
static_assert(std::is_nothrow_move_constructible_v<flexpay::Payment>);
static_assert(std::is_copy_constructible_v<flexpay::Transaction>);
static_assert(std::is_nothrow_move_constructible_v<flexpay::Transaction>);
static_assert(std::is_copy_constructible_v<flexpay::Callback>);
static_assert(std::is_nothrow_move_constructible_v<flexpay::Callback>);
static_assert(std::is_copy_constructible_v<flexpay::Reconciliation>);
static_assert(std::is_nothrow_move_constructible_v<flexpay::Reconciliation>);

// An exception must not throw while it is copied.
static_assert(std::is_base_of_v<std::runtime_error, flexpay::Error>);
static_assert(std::is_nothrow_copy_constructible_v<flexpay::Error>);
static_assert(std::is_nothrow_copy_assignable_v<flexpay::Error>);

// An amount is text. Numbers are not accepted.
static_assert(std::is_convertible_v<const char*, flexpay::Amount>);
static_assert(std::is_convertible_v<std::string, flexpay::Amount>);
static_assert(std::is_convertible_v<std::string_view, flexpay::Amount>);
static_assert(!std::is_constructible_v<flexpay::Amount, std::nullptr_t>);
static_assert(!std::is_constructible_v<flexpay::Amount, double>);
static_assert(!std::is_constructible_v<flexpay::Amount, float>);
static_assert(!std::is_constructible_v<flexpay::Amount, long double>);
static_assert(!std::is_constructible_v<flexpay::Amount, int>);
static_assert(!std::is_constructible_v<flexpay::Amount, long long>);
static_assert(!std::is_constructible_v<flexpay::Amount, char>);
static_assert(!std::is_constructible_v<flexpay::Amount, bool>);
static_assert(!std::is_assignable_v<flexpay::Amount&, double>);
static_assert(!std::is_assignable_v<flexpay::Amount&, int>);
static_assert(!std::is_assignable_v<decltype(flexpay::PaymentRequest::amount)&, double>);
static_assert(!std::is_assignable_v<decltype(flexpay::MobileRequest::amount)&, double>);
static_assert(!std::is_assignable_v<decltype(flexpay::PayoutRequest::amount)&, double>);
static_assert(!std::is_assignable_v<decltype(flexpay::Expected::amount)&, double>);
static_assert(std::is_same_v<decltype(flexpay::Transaction::amount_minor),
                             std::optional<std::int64_t>>);

// The enums can hold every value of the C types.
static_assert(std::is_same_v<std::underlying_type_t<flexpay::Result>, flexpay_result>);
static_assert(std::is_same_v<std::underlying_type_t<flexpay::State>,
                             decltype(flexpay_transaction::state)>);
static_assert(std::is_same_v<std::underlying_type_t<flexpay::Outcome>,
                             decltype(flexpay_error::outcome)>);
static_assert(std::is_same_v<std::underlying_type_t<flexpay::Kind>, decltype(flexpay_expected::kind)>);
static_assert(std::is_same_v<std::underlying_type_t<flexpay::EntryState>,
                             decltype(flexpay_settlement::state)>);
static_assert(std::is_same_v<std::underlying_type_t<flexpay::JournalFilter>,
                             decltype(flexpay_journal_query::filter)>);

// The default value never means success.
static_assert(flexpay::State() == flexpay::State::unknown);
static_assert(flexpay::Outcome() == flexpay::Outcome::unknown);
static_assert(flexpay::EntryState() != flexpay::EntryState::paid);

// A program that sends no money out says nothing about payouts.
static_assert(flexpay::Kind() == flexpay::Kind::card);
static_assert(static_cast<std::int32_t>(flexpay::Kind::mobile) == FLEXPAY_KIND_MOBILE);
static_assert(static_cast<std::int32_t>(flexpay::Kind::payout) == FLEXPAY_KIND_PAYOUT);

// A payment is not accepted as a payout, nor the other way round.
static_assert(!std::is_convertible_v<flexpay::MobileRequest, flexpay::PayoutRequest>);
static_assert(!std::is_convertible_v<flexpay::PayoutRequest, flexpay::MobileRequest>);
static_assert(
    std::is_same_v<decltype(&flexpay::Client::pay_mobile),
                   flexpay::Payment (flexpay::Client::*)(const flexpay::MobileRequest&) const>);
static_assert(std::is_same_v<decltype(&flexpay::Client::payout),
                             flexpay::Payment (flexpay::Client::*)(const flexpay::PayoutRequest&) const>);

}  // namespace
