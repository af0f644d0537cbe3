#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/resolver.h"

namespace vedette {

/// Knows the names it was told and no other; no query leaves the machine. On the loop's thread
/// only.
class MemoryResolver final : public Resolver {
public:
    explicit MemoryResolver(Loop& loop) : loop_(loop) {}

    std::map<std::string, std::vector<Address>> names;
    std::vector<std::string> asked;  ///< in order, literals too

    void resolve(std::string name, Family, Deadline, Answer done) override {
        asked.push_back(name);
        Result<std::vector<Address>> answer = fail(Fault::NotFound, "name not found: " + name);
        if (const auto literal = parse_address(name))
            answer = std::vector{*literal};
        else if (const auto known = names.find(name); known != names.end())
            answer = known->second;
        loop_.post([done = std::move(done), answer = std::move(answer)]() mutable {
            done(std::move(answer));
        });
    }

private:
    Loop& loop_;
};

}  // namespace vedette
