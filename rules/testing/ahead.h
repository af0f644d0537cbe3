#pragma once

#include <map>
#include <optional>
#include <stop_token>
#include <vector>

#include "core/query.h"
#include "promql/engine.h"
#include "promql/syntax/ast.h"

namespace vedette::rules::testing {

/// Answers expressions that are asked at one time after the other, each at the same distance: a
/// thousand times are evaluated together, and then told one by one. The answers are those of
/// `Engine::instant`, but for the order of a vector. Only for expressions whose answer does not
/// depend on what happens meanwhile. Used by one thread at a time.
class Ahead {
public:
    Ahead(const promql::Engine& engine, SeriesSource& source) : engine_(engine), source_(source) {}

    /// `expr` will be asked every `step`, up to `end`. Where it says `start()` or `end()` it is
    /// evaluated time by time all the same.
    void expect(const promql::Expr& expr, Milliseconds step, Timestamp end);

    Result<QueryResult> ask(const promql::Expr& expr, Timestamp at, std::stop_token stop);

private:
    struct Stretch {
        Milliseconds step{0};
        Timestamp end;
        std::optional<Timestamp> begin;             ///< of what is known
        std::optional<Timestamp> one_by_one_until;  ///< it fails somewhere before
        std::map<Timestamp, std::vector<QueryResult::Series>> vectors;
    };
    bool read(Stretch& stretch, const promql::Expr& expr, Timestamp at, std::stop_token stop);

    const promql::Engine& engine_;
    SeriesSource& source_;
    std::map<const promql::Expr*, Stretch> expected_;
};

}  // namespace vedette::rules::testing
