#include <deque>
#include <utility>

#include "promql/evaluation/evaluator.h"

namespace vedette::promql {

namespace {

/// More parts than threads, so that one which is slower leaves work for the others.
constexpr std::size_t parts_per_thread = 2;

/// One cursor and who reads it.
struct Part {
    Part(QueryContext& whole, QueryContext::Together& together, Steps steps,
         const Surroundings& around)
        : context(whole, together), evaluator(context, steps, around) {}

    QueryContext context;
    Evaluator evaluator;
    Block block{0};
};

Block joined(std::deque<Part>& parts) {
    std::size_t rows = 0;
    for (const Part& each : parts) rows += each.block.rows();
    Block whole = std::move(parts.front().block);
    whole.labels.reserve(rows);
    whole.values.reserve(rows * whole.steps);
    for (std::size_t i = 1; i < parts.size(); ++i) whole.add_rows_of(std::move(parts[i].block));
    return whole;
}

}  // namespace

Result<Block> Evaluator::read_in_parts(std::span<const Matcher> matchers, Window window,
                                       const Hints& hints, const ReadPart& read) {
    const std::size_t threads = context_.crew.size();
    auto cursors = context_.source.select_parts(
        matchers, window, hints, threads == 1 ? 1 : threads * parts_per_thread, context_.stop);
    if (!cursors) return fail(cursors.error());
    return cursors->size() == 1 ? read(*this, *cursors->front())
                                : read_together(std::move(*cursors), read);
}

Result<Block> Evaluator::read_together(std::vector<std::unique_ptr<SeriesCursor>> cursors,
                                       const ReadPart& read) {
    QueryContext::Together together;
    std::deque<Part> parts;
    for (std::size_t i = 0; i < cursors.size(); ++i)
        parts.emplace_back(context_, together, steps_, around_);
    Result<void> good;  // written by the part that sets `over`
    context_.crew.run(cursors.size(), [&](std::size_t i) {
        Result<Block> block = read(parts[i].evaluator, *cursors[i]);
        cursors[i].reset();
        if (block)
            parts[i].block = std::move(*block);
        else if (!together.over.exchange(true))
            good = fail(block.error());
    });
    if (!good) return fail(good.error());
    for (const Part& each : parts) {
        if (auto joins = context_.join(each.context); !joins) return fail(joins.error());
        for (std::size_t i = 0; i < read_.size(); ++i) read_[i] += each.evaluator.read_[i];
    }
    return joined(parts);
}

}  // namespace vedette::promql
