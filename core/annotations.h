#pragma once

#include <compare>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "core/labels.h"

namespace vedette {

/// What an alert says beside its labels: `summary`, `runbook_url`. Unlike a label's value a text
/// may be empty, and the alert has it all the same, as in Prometheus.
///
/// Sorted by name, immutable; copies share. Safe to share between threads.
class Annotations {
public:
    using Texts = std::map<std::string, std::string, std::less<>>;

    Annotations() = default;
    Annotations(std::initializer_list<Label> texts) {
        Texts own;
        for (const Label& one : texts) own.insert_or_assign(std::string(one.name), one.value);
        *this = Annotations(std::move(own));
    }
    explicit Annotations(Texts texts) {
        if (!texts.empty()) texts_ = std::make_shared<const Texts>(std::move(texts));
    }

    const Texts& texts() const {
        static const Texts none;
        return texts_ ? *texts_ : none;
    }
    Texts::const_iterator begin() const { return texts().begin(); }
    Texts::const_iterator end() const { return texts().end(); }
    std::size_t size() const { return texts().size(); }
    bool empty() const { return size() == 0; }
    /// Also when its text is empty.
    bool has(std::string_view name) const { return texts().find(name) != end(); }
    /// The text of `name`, or an empty view. Lives as long as any copy.
    std::string_view get(std::string_view name) const {
        const auto found = texts().find(name);
        return found == end() ? std::string_view() : std::string_view(found->second);
    }

    bool operator==(const Annotations& other) const { return texts() == other.texts(); }
    auto operator<=>(const Annotations& other) const { return texts() <=> other.texts(); }

private:
    std::shared_ptr<const Texts> texts_;
};

}  // namespace vedette
