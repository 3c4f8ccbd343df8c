// simdjson_callback.cpp: parsing a callback with simdjson's On-Demand API, its fastest.

#include "callback.h"

#include <cstdlib>
#include <cstring>
#include <simdjson.h>
#include <string_view>

static_assert(BODY_PADDING >= simdjson::SIMDJSON_PADDING, "the body is padded");

namespace ondemand = simdjson::ondemand;

constexpr size_t FIELDS = 11;
constexpr std::string_view KEYS[FIELDS] = {
    "code", "reference", "provider_reference", "orderNumber", "amount", "amountCustomer",
    "currency", "phone", "createdAt", "channel", "message",
};

struct callback {
    const char *fields[FIELDS];
};

// Copies the fields into one allocation, which starts with a pointer to each.
static callback *copy(const std::string_view (&found)[FIELDS]) {
    size_t size = sizeof(callback);
    for (const auto &text : found)
        size += text.size() + 1;
    auto *copied = static_cast<callback *>(std::malloc(size));
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

callback *callback_parse(const char *body, size_t length) {
    // Reused: the parser keeps its buffers.
    static thread_local ondemand::parser parser;
    std::string_view found[FIELDS] = {};
    ondemand::document document;
    ondemand::object object;
    if (parser.iterate(body, length, length + BODY_PADDING).get(document) ||
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

const char *callback_reference(const callback *parsed) {
    return parsed->fields[1];
}

void callback_free(callback *parsed) {
    std::free(parsed);
}
