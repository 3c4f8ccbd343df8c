// Test helpers: CHECK, error_of, and a list of named tests.

#ifndef FLEXPAY_TESTS_CHECK_HPP
#define FLEXPAY_TESTS_CHECK_HPP

#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include "flexpay.hpp"

#define CHECK(condition)                                                                           \
    ((condition) ? void()                                                                          \
                 : throw std::logic_error(std::string(__FILE__) + ":" + std::to_string(__LINE__) + \
                                          ": " #condition))

// Returns the flexpay::Error that the call throws. Any other exception, or none, is a failure.
template <typename Call>
flexpay::Error error_of(Call call) {
    try {
        call();
    } catch (const flexpay::Error& error) {
        return error;
    }
    throw std::logic_error("a call that should have thrown returned");
}

struct Test {
    const char* name;
    void (*run)();
};

// Runs the tests, prints each failure and a last line with the counts. Returns the exit status.
inline int run_tests(const std::vector<Test>& tests) {
    int failed = 0;
    for (const Test& test : tests) {
        try {
            test.run();
        } catch (const flexpay::Error& error) {
            ++failed;
            std::cout << "FAILED " << test.name << ": " << flexpay::name(error.code()) << ": "
                      << error.what() << '\n';
        } catch (const std::exception& error) {
            ++failed;
            std::cout << "FAILED " << test.name << ": " << error.what() << '\n';
        }
    }
    std::cout << static_cast<int>(tests.size()) - failed << " passed, " << failed << " failed"
              << std::endl;
    return failed == 0 ? 0 : 1;
}

#endif  // FLEXPAY_TESTS_CHECK_HPP
