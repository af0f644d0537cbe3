#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/labels.h"
#include "core/time.h"

namespace vedette::scrape {

/// How a page is written, as its Content-Type says.
enum class PageFormat {
    Text,         ///< Prometheus's text format, 0.0.4 and 1.0.0
    OpenMetrics,  ///< 0.0.1 and 1.0.0; ends with `# EOF`
};

/// Takes a page apart, line by line, as fast as the line allows:
///
///     http_requests_total{code="200",path="/"} 17 1790000000000 # {trace_id="…"} 1
///     └────────────── series ────────────────┘ └┬┘ └───── at ───┘   exemplar, counted
///                                             value
///
/// The bytes of `series` are not looked into: who has seen them before needs no labels, and who has
/// not asks `read_series`. Borrows the page. Errors say the line's number, what was found and what
/// was expected. Not safe to share between threads.
class PageReader {
public:
    enum class Kind { Sample, Comment, End };
    struct Item {
        Kind kind = Kind::End;
        std::string_view text;  ///< a sample's series; all of a HELP, TYPE or UNIT line
        double value = 0;
        std::optional<Timestamp> at;
        double at_seconds = 0;  ///< of OpenMetrics: the time as written; `at` cuts it off
        bool exemplar = false;
    };

    PageReader(std::string_view page, PageFormat format) : rest_(page), format_(format) {}

    /// The next line that says something. `expected` is what stood at this place last time: when
    /// it stands there again it is taken whole, and not searched for its end.
    Result<Item> next(std::string_view expected = {});
    /// Of the line that `next` gave last, from 1.
    int line() const { return line_; }
    /// `line 3: ` and what is wrong with it.
    Error error(std::string_view what) const;

private:
    Result<std::size_t> series_end(std::string_view expected) const;
    Result<bool> skip_blank();
    Result<bool> read_comment(Item& item);
    Result<void> read_sample(Item& item, std::string_view expected);
    Result<void> read_timestamp(Item& item);
    Result<void> read_exemplar(Item& item);
    Result<void> end_line();
    Result<void> ended() const;
    std::string_view word();
    bool skip_space();

    std::string_view rest_;
    PageFormat format_;
    int line_ = 0;
    bool eof_seen_ = false;
};

/// Name and labels of a line's series: `name{a="b"}` or `{"a name", a="b"}`. Fails with BadInput
/// and one sentence, without the line's number.
Result<Labels> read_series(std::string_view series, PageFormat format);

/// What a HELP, TYPE or UNIT line says.
struct PageComment {
    enum class Kind { Help, Type, Unit };
    Kind kind = Kind::Help;
    std::string metric, text;
};
Result<PageComment> read_comment(std::string_view line, PageFormat format);

}  // namespace vedette::scrape
