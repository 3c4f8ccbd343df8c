#ifndef FLEXPAY_TESTS_JOURNAL_HPP
#define FLEXPAY_TESTS_JOURNAL_HPP

#include <vector>

#include "check.hpp"

std::vector<Test> tests_with_a_journal();

#endif  // FLEXPAY_TESTS_JOURNAL_HPP
