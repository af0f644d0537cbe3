#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/loop.h"
#include "base/resolver.h"
#include "core/error.h"

namespace vedette {

/// The lookups a resolver has under way: each is answered exactly once, by whoever comes first of
/// the answer, the deadline and the end. On the loop's thread only.
class PendingNames {
public:
    explicit PendingNames(Loop& loop) : loop_(loop) {}
    ~PendingNames();
    PendingNames(const PendingNames&) = delete;
    PendingNames& operator=(const PendingNames&) = delete;

    /// Answers literals (and refuses what cannot be a name) through the loop, and returns 0. Else
    /// returns the id to `finish` with, once the lookup was made.
    std::uint64_t start(std::string_view name, Family family, Deadline deadline,
                        Resolver::Answer done);
    /// Sorts the addresses by what was asked for and answers. Nothing happens when it was answered.
    void finish(std::uint64_t id, Result<std::vector<Address>> found);
    bool has(std::uint64_t id) const { return pending_.contains(id); }

private:
    struct Pending {
        std::string name;
        Family family;
        Resolver::Answer done;
        Loop::TimerId timer;
    };

    Loop& loop_;
    std::uint64_t last_id_ = 0;
    std::unordered_map<std::uint64_t, Pending> pending_;
};

}  // namespace vedette
