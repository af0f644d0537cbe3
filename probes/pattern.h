#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/error.h"

namespace re2 {
class RE2;
}

namespace vedette::probes {

/// A regular expression in RE2's syntax, which is Go's; found anywhere unless it is anchored, as
/// blackbox_exporter does. Takes time linear in the text. Cheap to copy, safe between threads.
class Pattern {
public:
    /// Fails with BadInput and RE2's own words.
    static Result<Pattern> compile(const std::string& text);

    bool found_in(std::string_view text) const;
    const std::string& text() const;

private:
    explicit Pattern(std::shared_ptr<const re2::RE2> compiled) : compiled_(std::move(compiled)) {}
    std::shared_ptr<const re2::RE2> compiled_;  // never null
};

}  // namespace vedette::probes
