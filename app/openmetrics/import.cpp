#include "app/openmetrics/import.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <set>

#include "base/sha256.h"
#include "probes/scrape/page/reader.h"
#include "store/series_check.h"

namespace vedette::app {

namespace {

using scrape::PageFormat;
using scrape::PageReader;

constexpr Milliseconds granule = std::chrono::minutes(10);
constexpr Milliseconds block_width =
    std::chrono::hours(18);  // as those that were put together twice
constexpr int lines_between_progress = 100'000;
constexpr std::size_t sum_bytes = std::size_t{16} << 20;
constexpr std::size_t progress_bytes_max = std::size_t{16} << 20;

/// What the progress file says of itself and of the file that is imported.
std::string progress_head(std::string_view text, const ImportProgress& progress) {
    Sha256 sum;
    for (std::size_t at = 0; at < text.size(); at += sum_bytes) {
        progress("looking", at, text.size());
        sum.add(text.substr(at, sum_bytes));
    }
    return fmt::format("vedette import 1 of {}\n", sum.finish());
}

std::string progress_line(const store::Stretch& stretch) {
    return fmt::format("{} {}\n", stretch.from.ms, stretch.to.ms);
}

}  // namespace

/// What one pass holds of a block, as a store wants it.
class Import::Points final : public SeriesCursor {
public:
    Points(const Import& import, store::Stretch stretch)
        : import_(import), stretch_(stretch), at_(import.by_labels_.begin()) {}

    bool next(Column& out) override {
        for (; at_ != import_.by_labels_.end(); ++at_) {
            const auto& points = import_.points_[at_->second];
            const auto before = [](const Point& point, std::int64_t ms) { return point.ms < ms; };
            const auto begin =
                std::lower_bound(points.begin(), points.end(), stretch_.from.ms, before);
            const auto end = std::lower_bound(begin, points.end(), stretch_.to.ms, before);
            if (begin == end) continue;
            times_.clear();
            values_.clear();
            for (auto point = begin; point != end; ++point) {
                times_.push_back({point->ms});
                values_.push_back(point->value);
            }
            samples_ += times_.size();
            out = {&at_->first, times_, values_, {}};
            ++at_;
            return true;
        }
        return false;
    }
    std::size_t samples() const { return samples_; }

private:
    const Import& import_;
    const store::Stretch stretch_;
    std::map<Labels, std::uint32_t>::const_iterator at_;
    std::vector<Timestamp> times_;
    std::vector<double> values_;
    std::size_t samples_ = 0;
};

Import::Import(std::string_view text, std::string path, ImportSettings settings,
               ImportProgress progress)
    : text_(text), path_(std::move(path)), settings_(settings), progress_(std::move(progress)) {}

Error Import::at_line(int line, std::string_view what) const {
    return {Fault::BadInput, fmt::format("{}:{}: {}", path_, std::max(line, 1), what)};
}

Result<std::uint32_t> Import::find_series(std::string_view text) {
    if (const auto known = by_text_.find(text); known != by_text_.end()) return known->second;
    auto labels = scrape::read_series(text);
    if (!labels) return fail(labels.error());
    if (const std::string why = store::judge_labels(*labels).why; !why.empty())
        return fail(Fault::BadInput, why);
    const auto [at, fresh] =
        by_labels_.try_emplace(std::move(*labels), static_cast<std::uint32_t>(labels_.size()));
    if (fresh) labels_.push_back(at->first);
    by_text_.emplace(text, at->second);
    return at->second;
}

Result<void> Import::take_comment(std::string_view line) {
    auto comment = scrape::read_comment(line, PageFormat::OpenMetrics);
    if (!comment) return fail(comment.error());
    auto& known = metadata_[comment->metric];
    using Kind = scrape::PageComment::Kind;
    auto& said = comment->kind == Kind::Help   ? known.help
                 : comment->kind == Kind::Type ? known.type
                                               : known.unit;
    said = std::move(comment->text);
    return {};
}

/// Reads the file from its beginning to its end.
Result<void> Import::each_row(std::string_view doing, bool first_time, const EachRow& each) {
    PageReader reader(text_, PageFormat::OpenMetrics);
    std::string_view last_text;
    std::uint32_t last_series = 0;
    // The reader counts from the page's beginning; a person wants the file's name before it.
    const auto renamed = [&](const Error& error) {
        std::string_view what = error.message;
        const std::string prefix = fmt::format("line {}: ", reader.line());
        if (what.starts_with(prefix)) what.remove_prefix(prefix.size());
        if (what.starts_with("after line ")) what.remove_prefix(what.find(": ") + 2);
        return fail(at_line(reader.line(), what));
    };
    for (int until_told = 0;; --until_told) {
        auto item = reader.next(last_text);
        if (!item) return renamed(item.error());
        if (item->kind == PageReader::Kind::End) break;
        if (item->kind == PageReader::Kind::Comment) {
            if (!first_time) continue;
            if (auto taken = take_comment(item->text); !taken) return renamed(taken.error());
            continue;
        }
        if (item->text != last_text) {
            auto series = find_series(item->text);
            if (!series) return renamed(series.error());
            last_series = *series;
        }
        last_text = item->text;
        if (until_told <= 0) {
            progress_(doing, static_cast<std::uint64_t>(item->text.data() - text_.data()),
                      text_.size());
            until_told = lines_between_progress;
        }
        if (first_time && !item->at)
            return fail(
                at_line(reader.line(),
                        fmt::format("{} has no time; expected seconds since 1970 behind the value",
                                    quote(item->text))));
        if (!item->exemplars.empty() && first_time) ++done_.exemplars;
        const Row row{last_series, {std::llround(item->at_seconds * 1000)}, item->value};
        if (auto taken = each(row); !taken) return renamed(taken.error());
    }
    return {};
}

Result<void> Import::read(Timestamp latest) {
    if (text_.starts_with("\x1f\x8b"))
        return fail(Fault::BadInput,
                    fmt::format("{}: is compressed; expected text: `gunzip` it first", path_));
    auto at = granules_.end();
    auto read = each_row("reading", true, [&](const Row& row) -> Result<void> {
        if (row.at > latest)
            return fail(Fault::BadInput,
                        fmt::format("a sample of {}; expected none later than {}, which is now",
                                    format_rfc3339(row.at), format_rfc3339(latest)));
        const std::int64_t number = store::stretch_of(row.at, granule).from.ms;
        if (at == granules_.end() || at->first != number)
            at = granules_.try_emplace(number, Granule{0, row.at, row.at}).first;
        Granule& there = at->second;
        ++there.samples;
        ++done_.lines;
        there.first = std::min(there.first, row.at);
        there.last = std::max(there.last, row.at);
        return {};
    });
    if (!read) return read;
    done_.series = labels_.size();
    plan();
    return {};
}

void Import::plan() {
    for (const auto& [number, each] : granules_) {
        const bool fits =
            !blocks_.empty() &&
            each.first < store::stretch_of(blocks_.back().stretch.from, block_width).to &&
            blocks_.back().samples + each.samples <= settings_.samples_a_block;
        if (!fits) blocks_.push_back({{each.first, each.first}, 0});
        blocks_.back().samples += each.samples;
        blocks_.back().stretch.to = each.last + Milliseconds(1);
    }
    if (blocks_.empty()) return;
    done_.oldest = blocks_.front().stretch.from;
    done_.newest = blocks_.back().stretch.to - Milliseconds(1);
}

/// In time order, one sample a time: of several the one that stands first in the file.
void Import::tidy(std::uint32_t series) {
    auto& points = points_[series];
    const auto before = [](const Point& a, const Point& b) { return a.ms < b.ms; };
    if (!std::is_sorted(points.begin(), points.end(), before))
        std::stable_sort(points.begin(), points.end(), before);
    const auto same = [&](const Point& kept, const Point& next) {
        if (kept.ms != next.ms) return false;
        const bool equal =
            std::bit_cast<std::uint64_t>(kept.value) == std::bit_cast<std::uint64_t>(next.value);
        ++(equal ? done_.repeated : done_.conflicts);
        if (!equal && done_.first_conflict.empty())
            done_.first_conflict = fmt::format("{} is {} and {} at {}; the first counts",
                                               to_string(labels_[series]), format_value(kept.value),
                                               format_value(next.value), format_rfc3339({kept.ms}));
        return true;
    };
    points.erase(std::unique(points.begin(), points.end(), same), points.end());
}

/// Fills `points_` with what the file holds of the stretch.
Result<void> Import::gather(store::Stretch stretch) {
    points_.assign(labels_.size(), {});
    auto read = each_row("importing", false, [&](const Row& row) -> Result<void> {
        if (stretch.from <= row.at && row.at < stretch.to)
            points_[row.series].push_back({row.at.ms, row.value});
        return {};
    });
    for (std::uint32_t series = 0; series < points_.size(); ++series) tidy(series);
    return read;
}

Result<ImportDone> Import::write(store::Store& store, Files& files,
                                 const std::string& progress_path) {
    std::string progress = progress_head(text_, progress_);
    std::string before;
    if (files.exists(progress_path)) {
        auto text = files.read_all(progress_path, progress_bytes_max);
        if (!text) return fail(text.error());
        if (text->starts_with(progress)) before = std::move(*text);
    }
    std::vector<Block> left;
    for (const Block& block : blocks_) {
        const std::string line = progress_line(block.stretch);
        if (before.find("\n" + line) == std::string::npos) {
            left.push_back(block);
            continue;
        }
        progress += line;
        ++done_.resumed;
    }
    for (std::size_t begin = 0, end = 0; begin < left.size(); begin = end) {
        std::size_t samples = 0;
        for (; end < left.size(); ++end) {
            samples += left[end].samples;
            if (end > begin && samples > settings_.samples_a_pass) break;
        }
        const store::Stretch all{left[begin].stretch.from, left[end - 1].stretch.to};
        if (auto gathered = gather(all); !gathered) return fail(gathered.error());
        for (std::size_t i = begin; i < end; ++i) {
            Points points(*this, left[i].stretch);
            if (auto added = store.add_past(left[i].stretch, points); !added)
                return fail(added.error());
            done_.stored += points.samples();
            ++done_.blocks;
            progress += progress_line(left[i].stretch);
            if (auto noted = files.write_atomically(progress_path, progress); !noted)
                return fail(noted.error());
        }
    }
    for (const auto& [metric, said] : metadata_)
        store.metadata(metric, said.type, said.help, said.unit);
    if (auto flushed = store.flush(); !flushed) return fail(flushed.error());
    if (files.exists(progress_path))
        if (auto removed = files.remove(progress_path); !removed) return fail(removed.error());
    return done_;
}

}  // namespace vedette::app
