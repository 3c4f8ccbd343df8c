// simdjson_notice.cpp: reading a callback with simdjson's On-Demand front end, its fastest.

#include "notice.h"

#include <cstdlib>
#include <cstring>
#include <simdjson.h>
#include <string_view>

static_assert(NOTICE_PADDING >= simdjson::SIMDJSON_PADDING, "the body is padded");

namespace ondemand = simdjson::ondemand;

constexpr size_t FIELDS = 11;
constexpr std::string_view KEYS[FIELDS] = {
    "code", "reference", "provider_reference", "orderNumber", "amount", "amountCustomer",
    "currency", "phone", "createdAt", "channel", "message",
};

struct notice {
    const char *fields[FIELDS];
};

// Into one allocation, which begins with a pointer to each.
static notice *copy(const std::string_view (&found)[FIELDS]) {
    size_t size = sizeof(notice);
    for (const auto &text : found)
        size += text.size() + 1;
    auto *copied = static_cast<notice *>(std::malloc(size));
    if (copied == nullptr)
        return nullptr;
    char *next = reinterpret_cast<char *>(copied + 1);
    for (size_t i = 0; i < FIELDS; i++) {
        copied->fields[i] = nullptr;
        if (found[i].data() != nullptr) {
            copied->fields[i] = next;
            std::memcpy(next, found[i].data(), found[i].size());
            next[found[i].size()] = '\0';
            next += found[i].size() + 1;
        }
    }
    return copied;
}

notice *notice_parse(const char *body, size_t length) {
    // A parser keeps its memory from one body to the next.
    static thread_local ondemand::parser parser;
    std::string_view found[FIELDS] = {};
    ondemand::document document;
    ondemand::object object;
    if (parser.iterate(body, length, length + NOTICE_PADDING).get(document) ||
        document.get_object().get(object))
        return nullptr;
    for (auto member : object) {
        ondemand::field field;
        std::string_view key, text;
        if (std::move(member).get(field) || field.unescaped_key().get(key))
            return nullptr;
        if (field.value().get_string().get(text))
            continue;
        for (size_t i = 0; i < FIELDS; i++) {
            if (key == KEYS[i]) {
                found[i] = text;
                break;
            }
        }
    }
    return copy(found);
}

const char *notice_reference(const notice *given) {
    return given->fields[1];
}

void notice_free(notice *given) {
    std::free(given);
}
