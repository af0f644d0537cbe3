#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/labels.h"
#include "core/sample.h"
#include "core/time.h"

namespace vedette::scrape {

/// How a page is written, as its Content-Type says.
enum class PageFormat {
    Text,         ///< Prometheus's text format, 0.0.4 and 1.0.0
    OpenMetrics,  ///< 0.0.1 and 1.0.0; ends with `# EOF`
    Protobuf,     ///< delimited io.prometheus.client.MetricFamily; its items read as OpenMetrics'
};

struct PageExemplar {
    std::string_view labels;  ///< `{…}`
    double value = 0;
    std::optional<Timestamp> at;
};

/// What one line of a page says. Borrowed until the next one is asked for.
struct PageItem {
    enum class Kind { Sample, Comment, End };
    Kind kind = Kind::End;
    std::string_view text;  ///< a sample's series; all of a HELP, TYPE or UNIT line
    double value = 0;
    HistogramRef histogram;  ///< counts in place of `value` when there is one
    std::optional<Timestamp> at, created;
    double at_seconds = 0;  ///< of OpenMetrics: the time as written; `at` cuts it off
    std::span<const PageExemplar> exemplars;
};

/// A page, item by item.
class PageSource {
public:
    virtual ~PageSource() = default;
    /// The next line that says something. `expected` is what stood at this place last time: when
    /// it stands there again it is taken whole, and not searched for its end.
    virtual Result<PageItem> next(std::string_view expected = {}) = 0;
    /// What is wrong with what `next` gave last, and where that stands.
    virtual Error error(std::string_view what) const = 0;
};

/// Takes a page apart, line by line, as fast as the line allows:
///
///     http_requests_total{code="200",path="/"} 17 1790000000000 # {trace_id="…"} 1
///     └────────────── series ────────────────┘ └┬┘ └───── at ───┘   exemplar
///                                             value
///
/// The bytes of `series` are not looked into: who has seen them before needs no labels, and who has
/// not asks `read_series`. Borrows the page. Errors say the line's number, what was found and what
/// was expected. Not safe to share between threads.
class PageReader final : public PageSource {
public:
    using Item = PageItem;
    using Kind = PageItem::Kind;

    PageReader(std::string_view page, PageFormat format) : rest_(page), format_(format) {}

    Result<Item> next(std::string_view expected = {}) override;
    /// Of the line that `next` gave last, from 1.
    int line() const { return line_; }
    /// `line 3: ` and what is wrong with it.
    Error error(std::string_view what) const override;

private:
    Result<std::size_t> series_end(std::string_view expected) const;
    Result<bool> skip_blank();
    Result<bool> read_comment(Item& item);
    Result<void> read_sample(Item& item, std::string_view expected);
    /// `seconds` gets the time as OpenMetrics wrote it.
    Result<void> read_timestamp(std::optional<Timestamp>& at, double& seconds);
    Result<void> read_exemplar(Item& item);
    Result<void> end_line();
    Result<void> ended() const;
    std::string_view word();
    bool skip_space();

    std::string_view rest_;
    PageFormat format_;
    int line_ = 0;
    bool eof_seen_ = false;
    PageExemplar exemplar_;  ///< of the item that was given last
};

/// Name and labels of a line's series: `name{a="b"}` or `{"a name", a="b"}`. Fails with BadInput
/// and one sentence, without the line's number.
Result<Labels> read_series(std::string_view series);

/// The labels of an exemplar: `{trace_id="x"}`; may be none. Fails as `read_series` does.
Result<Labels> read_exemplar_labels(std::string_view text);

/// What a HELP, TYPE or UNIT line says.
struct PageComment {
    enum class Kind { Help, Type, Unit };
    Kind kind = Kind::Help;
    std::string metric, text;
};
Result<PageComment> read_comment(std::string_view line, PageFormat format);

}  // namespace vedette::scrape
