#include "store/remote/joined.h"

#include <algorithm>
#include <optional>

namespace vedette::store {

namespace {

/// Two cursors as one, series by series.
class JoinedCursor final : public SeriesCursor {
public:
    JoinedCursor(std::unique_ptr<SeriesCursor> own, std::unique_ptr<SeriesCursor> other)
        : own_(std::move(own)), other_(std::move(other)) {}

    bool next(Column& out) override {
        if (own_moves_) has_own_ = own_->next(own_column_);
        if (other_moves_) has_other_ = other_->next(other_column_);
        own_moves_ = other_moves_ = false;
        if (!has_own_ && !has_other_) return false;
        const auto order = !has_own_     ? std::strong_ordering::greater
                           : !has_other_ ? std::strong_ordering::less
                                         : *own_column_.labels <=> *other_column_.labels;
        own_moves_ = order <= 0 && has_own_;
        other_moves_ = order >= 0 && has_other_;
        if (own_moves_ && other_moves_)
            join(out);
        else
            out = own_moves_ ? own_column_ : other_column_;
        return true;
    }
    std::span<const RolledUp> rolled_up() const override { return own_->rolled_up(); }

private:
    /// Of two samples at one time our own.
    void join(Column& out) {
        const Column &a = own_column_, &b = other_column_;
        const bool histograms = !a.histograms.empty() || !b.histograms.empty();
        times_.clear();
        floats_.clear();
        histograms_.clear();
        const auto take = [&](const Column& from, std::size_t i) {
            times_.push_back(from.times[i]);
            floats_.push_back(from.floats[i]);
            if (histograms)
                histograms_.push_back(from.histograms.empty() ? nullptr : from.histograms[i]);
        };
        std::size_t i = 0, k = 0;
        while (i < a.times.size() || k < b.times.size()) {
            const bool ours =
                k == b.times.size() || (i < a.times.size() && a.times[i] <= b.times[k]);
            if (ours && k < b.times.size() && a.times[i] == b.times[k]) ++k;
            ours ? take(a, i++) : take(b, k++);
        }
        out = {a.labels, times_, floats_, histograms_};
    }

    std::unique_ptr<SeriesCursor> own_, other_;
    Column own_column_, other_column_;
    bool own_moves_ = true, other_moves_ = true;
    bool has_own_ = false, has_other_ = false;
    std::vector<Timestamp> times_;
    std::vector<double> floats_;
    std::vector<HistogramRef> histograms_;
};

class JoinedSelector final : public PreparedSelector {
public:
    JoinedSelector(Joined& joined, const Datasource& other, std::vector<Matcher> matchers,
                   std::unique_ptr<PreparedSelector> own)
        : joined_(joined), other_(other), matchers_(std::move(matchers)), own_(std::move(own)) {}

    Result<std::vector<std::unique_ptr<SeriesCursor>>> select_parts(
        Window window, const Hints& hints, std::size_t parts, std::stop_token stop) override {
        if (!other_.knows(matchers_))
            return own_->select_parts(window, hints, parts, std::move(stop));
        return joined_.select_parts(matchers_, window, hints, parts, std::move(stop));
    }
    bool newest(Window window, std::size_t series_max, const Each& each) override {
        return !other_.knows(matchers_) && own_->newest(window, series_max, each);
    }

private:
    Joined& joined_;
    const Datasource& other_;
    const std::vector<Matcher> matchers_;
    const std::unique_ptr<PreparedSelector> own_;
};

/// The selectors to be asked there; nothing when that is none of them.
std::optional<std::vector<std::vector<Matcher>>> asked_there(const Datasource& other,
                                                             LabelSource::Selectors selectors) {
    std::vector<std::vector<Matcher>> asked;
    for (const auto& selector : selectors)
        if (other.knows(selector)) asked.push_back(selector);
    const bool any = selectors.empty() ? other.knows({}) : !asked.empty();
    if (!any) return std::nullopt;
    return asked;
}

/// Both lists are sorted.
template <typename T>
Result<std::vector<T>> united(Result<std::vector<T>> own, Result<std::vector<T>> other) {
    if (!own) return own;
    if (!other) return other;
    std::vector<T> all;
    std::set_union(std::make_move_iterator(own->begin()), std::make_move_iterator(own->end()),
                   std::make_move_iterator(other->begin()), std::make_move_iterator(other->end()),
                   std::back_inserter(all));
    return all;
}

}  // namespace

Result<std::unique_ptr<SeriesCursor>> Joined::select(std::span<const Matcher> matchers,
                                                     Window window, const Hints& hints,
                                                     std::stop_token stop) {
    if (!other_.knows(matchers)) return series_.select(matchers, window, hints, stop);
    auto other = other_.select(matchers, window, hints, stop);
    if (!other) return other;
    // Buckets and another's samples of the same time could not be told apart.
    Hints of_samples = hints;
    if (hints.wanted == Hints::Wanted::Buckets) of_samples.wanted = Hints::Wanted::Samples;
    auto own = series_.select(matchers, window, of_samples, stop);
    if (!own) return own;
    return std::make_unique<JoinedCursor>(std::move(*own), std::move(*other));
}

Result<std::vector<std::unique_ptr<SeriesCursor>>> Joined::select_parts(
    std::span<const Matcher> matchers, Window window, const Hints& hints, std::size_t parts,
    std::stop_token stop) {
    if (other_.knows(matchers))
        return SeriesSource::select_parts(matchers, window, hints, parts, std::move(stop));
    return series_.select_parts(matchers, window, hints, parts, std::move(stop));
}

Result<std::vector<std::string>> Joined::label_names(Selectors selectors, Window window) {
    auto own = labels_.label_names(selectors, window);
    const auto asked = asked_there(other_, selectors);
    return asked ? united(std::move(own), other_.label_names(*asked, window)) : own;
}

Result<std::vector<std::string>> Joined::label_values(std::string_view name, Selectors selectors,
                                                      Window window) {
    auto own = labels_.label_values(name, selectors, window);
    const auto asked = asked_there(other_, selectors);
    return asked ? united(std::move(own), other_.label_values(name, *asked, window)) : own;
}

Result<std::vector<Labels>> Joined::series_in(Selectors selectors, Window window) {
    auto own = labels_.series_in(selectors, window);
    const auto asked = asked_there(other_, selectors);
    return asked ? united(std::move(own), other_.series_in(*asked, window)) : own;
}

Result<std::unique_ptr<PreparedSelector>> Joined::prepare(std::vector<Matcher> matchers) {
    auto own = preparer_.prepare(matchers);
    if (!own) return own;
    return std::make_unique<JoinedSelector>(*this, other_, std::move(matchers), std::move(*own));
}

}  // namespace vedette::store
