#ifndef FLEXPAY_TESTS_TWO_HPP
#define FLEXPAY_TESTS_TWO_HPP

#include <vector>

#include "check.hpp"

std::vector<Test> tests_without_network();

#endif  // FLEXPAY_TESTS_TWO_HPP
