#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/exemplar.h"
#include "core/series.h"
#include "probes/scrape/page/reader.h"
#include "probes/scrape/settings.h"
#include "probes/scrape/status.h"

namespace vedette::scrape {

/// What became of a page.
struct Taken {
    std::size_t scraped = 0;    ///< samples on the page, as far as it could be read
    std::size_t kept = 0;       ///< of them, after relabelling
    std::size_t added = 0;      ///< series that the page before did not have
    std::size_t refused = 0;    ///< kept, but the sink has no room for their series
    std::size_t exemplars = 0;  ///< on lines that were kept, but those known without a time
    std::string refusal;        ///< why, of the first that was refused
    std::string error;          ///< why nothing of the page was taken; empty when it was
};

/// A native histogram within the job's limits: at a lower resolution when it must be. Fails when
/// even that has too many buckets.
Result<HistogramRef> limited(HistogramRef histogram, const JobSettings& job);

/// The labels that a line of a target's page ends up with: those of the target count, and what they
/// displace becomes `exported_<name>`; with `honor_labels` those of the line count. Then the job's
/// metric_relabel_configs. Nothing when they drop it. Fails when a limit of the job is passed.
Result<std::optional<Labels>> labels_of_line(const Labels& of_line, const Labels& target,
                                             const JobSettings& job);

/// The series of one target's page, in the order in which they stood there last time.
///
///     page       a{x="1"} 5     a{x="2"} 7     b 1          each line is compared, byte by byte,
///     lines_     a{x="1"}→12    a{x="2"}→13    b→dropped    with what stood there, and its number
///                                                           goes to the series known from then
///
/// An unchanged page costs no label, no hash and no regular expression. From the first line that
/// differs on, lines are looked up by their bytes; only those never seen become labels. A series
/// that is gone gets a stale marker in the batch of the page it is missing from.
///
/// Invariants: (P1) `lines_` mirrors the last page that was taken, or is empty; (P2) a page is
/// taken whole, or nothing of it but stale markers for what was there before. Not safe to share
/// between threads.
class PageSeries {
public:
    explicit PageSeries(SampleSink& sink) : sink_(sink) {}

    /// Adds the page's samples and markers to `batch`. `at` is the time of samples without one.
    Taken take(std::string_view page, PageFormat format, const JobSettings& job,
               const Labels& target, Timestamp at, Batch& batch);
    /// Adds stale markers for all there is, and forgets it: the target did not answer, or is gone.
    void end(const JobSettings& job, const Labels& target, Timestamp at, Batch& batch);
    /// The job's settings changed: every line of the next page is looked at anew.
    void look_anew() { looks_anew_ = true; }

    std::size_t lines() const { return lines_.size(); }
    /// Zeros at the times at which counters of the last page began, when the job asks for them;
    /// apart from the page's own samples because they are refused when something newer is known.
    const Batch& zeros() const { return zeros_; }
    /// What the last page said about its metrics, by name. Never null.
    const std::shared_ptr<const MetricsAbout>& about() const { return about_; }

private:
    enum class Fate : std::uint8_t { Comment, Stored, Dropped, Refused };
    struct Line {
        std::size_t begin = 0;
        std::uint32_t bytes = 0;
        Fate fate = Fate::Comment;
        bool ends = false;  ///< gets a stale marker when it is gone
        SeriesRef series;
    };
    struct Layout {
        std::string text;  ///< of all lines, one behind the other
        std::vector<Line> lines;

        std::string_view of(const Line& line) const {
            return std::string_view(text).substr(line.begin, line.bytes);
        }
        void add(std::string_view bytes, Line line);
    };
    struct Turn;  // one page being taken

    Result<void> read(Turn& turn);
    Result<void> take_changed(Turn& turn, const PageItem& item);
    void begin_changed(Turn& turn);
    Result<void> resolve(Turn& turn, const PageItem& item, Line& line);
    Result<void> put(Turn& turn, const PageItem& item, Line& line);
    Result<void> put_exemplars(Turn& turn, const PageItem& item, const Line& line, Timestamp at);
    bool is_new_untimed(SeriesRef series, const Exemplar& exemplar);
    void put_zero(Turn& turn, const PageItem& item, const Line& line, Timestamp at);
    std::unique_ptr<PageSource> source_of(std::string_view page, PageFormat format,
                                          const JobSettings& job) const;
    void finish(Turn& turn);
    void tell_metadata(PageFormat format);
    void renew(const JobSettings& job, const Labels& target);

    SampleSink& sink_;
    bool looks_anew_ = false;
    std::uint64_t generation_ = 0;
    PageFormat format_ = PageFormat::Text;
    std::string text_;
    std::vector<Line> lines_;
    Batch zeros_;
    std::unordered_map<std::uint64_t, Timestamp> created_;  ///< of a series, as it was said last
    /// Of a series the exemplar without a time that was seen last: it is told once, however long it
    /// stands on the page.
    std::unordered_map<std::uint64_t, Exemplar> untimed_;
    std::shared_ptr<const MetricsAbout> about_ = std::make_shared<const MetricsAbout>();
};

}  // namespace vedette::scrape
