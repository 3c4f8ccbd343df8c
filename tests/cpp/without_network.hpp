#ifndef FLEXPAY_TESTS_WITHOUT_NETWORK_HPP
#define FLEXPAY_TESTS_WITHOUT_NETWORK_HPP

#include <vector>

#include "check.hpp"

std::vector<Test> tests_without_network();

#endif  // FLEXPAY_TESTS_WITHOUT_NETWORK_HPP
