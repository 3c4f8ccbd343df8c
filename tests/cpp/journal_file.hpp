#ifndef FLEXPAY_TESTS_JOURNAL_FILE_HPP
#define FLEXPAY_TESTS_JOURNAL_FILE_HPP

#include <filesystem>
#include <random>
#include <stdexcept>
#include <string>
#include <system_error>

#include "sandbox.hpp"

// A folder with a journal. It is removed at the end.
class Journal {
public:
    Journal() {
        const auto folder = std::filesystem::temp_directory_path() /
                            ("flexpay-" + std::to_string(std::random_device{}()));
        if (!std::filesystem::create_directory(folder)) {
            throw std::runtime_error("no folder for the journal");
        }
        folder_ = folder.u8string();
    }

    Journal(const Journal&) = delete;
    Journal& operator=(const Journal&) = delete;

    ~Journal() {
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }

    flexpay::Config config() const {
        flexpay::Config config = sandbox_config();
        config.journal = folder_ + "/journal.db";
        return config;
    }

    flexpay::Client client() const {
        return flexpay::Client(config());
    }

private:
    std::string folder_;
};

#endif  // FLEXPAY_TESTS_JOURNAL_FILE_HPP
