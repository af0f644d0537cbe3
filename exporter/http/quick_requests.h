#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/http.h"

namespace vedette::http {

/// Which requests to routes of `Weight::Measured` may be answered in the loop: waking a worker, and
/// then the loop again, takes longer than a small query itself.
///
///     not known ──quick──► 1 ──quick──► 2 ──quick──► 3: answered in the loop
///         ▲                │            │            │
///         └───── not quick, once ───────┴────────────┘
///
/// A request is the same when path, parameters and body are; what is forgotten, because two share a
/// place, begins anew. Belongs to the loop.
class QuickRequests {
public:
    static constexpr std::chrono::microseconds quick{100};  ///< no other caller notices

    /// What stands for a request whose body is complete.
    static std::uint64_t key_of(std::string_view path, std::string_view query,
                                std::string_view body);

    bool is_quick(std::uint64_t key) const;
    /// How long its handler took, wherever it ran.
    void took(std::uint64_t key, std::chrono::nanoseconds time);

private:
    static constexpr std::size_t places = 1024;
    static constexpr std::uint8_t often = 3;
    struct Place {
        std::uint64_t key = 0;
        std::uint8_t in_a_row = 0;
    };
    std::array<Place, places> places_{};
};

}  // namespace vedette::http
