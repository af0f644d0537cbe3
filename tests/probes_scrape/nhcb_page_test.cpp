#include <catch2/catch.hpp>

#include "probes/scrape/page/nhcb.h"
#include "tests/probes_scrape/page_text.h"

namespace vedette::scrape {
namespace {

std::string converted(std::string_view page, bool classic_too = false) {
    PageReader reader(page, PageFormat::OpenMetrics);
    NhcbReader nhcb(reader, PageFormat::OpenMetrics, classic_too);
    return text_of(nhcb, PageFormat::OpenMetrics);
}

const std::string took =
    "# TYPE took histogram\n"
    "took_bucket{le=\"0.1\",a=\"1\"} 1 # {t=\"x\"} 0.05 1\n"
    "took_bucket{le=\"+Inf\",a=\"1\"} 3 # {t=\"y\"} 5\n"
    "took_count{a=\"1\"} 3\n"
    "took_sum{a=\"1\"} 1.25\n";

}  // namespace

TEST_CASE("a classic histogram becomes one with custom buckets", "[scrape][nhcb]") {
    CHECK(converted(took + "# TYPE next gauge\nnext 1\n# EOF\n") ==
          "# took|histogram\n"
          "took{a=\"1\"} {count:3, sum:1.25, [-Inf,0.1]:1, (0.1,+Inf]:2} # {t=\"x\"} 0.05 @1000\n"
          "# next|gauge\n"
          "next 1\n");
    CHECK(converted(took + "# EOF\n").ends_with("(0.1,+Inf]:2} # {t=\"x\"} 0.05 @1000\n"));
}

TEST_CASE("classic lines stay beside what is made of them when they are asked for",
          "[scrape][nhcb]") {
    const std::string text = converted(took + "after 1\n# EOF\n", true);
    CHECK(text.find("took_bucket{a=\"1\", le=\"0.1\"} 1") != std::string::npos);
    CHECK(
        text.ends_with("took_sum{a=\"1\"} 1.25\n"
                       "took{a=\"1\"} {count:3, sum:1.25, [-Inf,0.1]:1, (0.1,+Inf]:2} # {t=\"x\"} "
                       "0.05 @1000\n"
                       "after 1\n"));
}

TEST_CASE("what cannot be a histogram gives none", "[scrape][nhcb]") {
    struct Row {
        const char* what;
        const char* lines;
        const char* made;
    };
    const auto row = GENERATE(values<Row>({
        {"counts fall", "h_bucket{le=\"1\"} 5\nh_bucket{le=\"2\"} 4\nh_count 5\n", ""},
        {"more in all than in the last bucket", "h_bucket{le=\"+Inf\"} 5\nh_count 6\n", ""},
        {"a sum alone", "h_sum 5\n", ""},
        {"no bucket of +Inf", "h_bucket{le=\"1\"} 5\nh_count 6\n",
         "h {count:6, sum:0, [-Inf,1]:5, (1,+Inf]:1}\n"},
        {"no count", "h_bucket{le=\"1\"} 5\nh_bucket{le=\"+Inf\"} 6\n",
         "h {count:6, sum:0, [-Inf,1]:5, (1,+Inf]:1}\n"},
        {"counts with a fraction", "h_bucket{le=\"1\"} 0.5\nh_count 1.5\n",
         "h {count:1.5, sum:0, [-Inf,1]:0.5, (1,+Inf]:1}\n"},
        {"when it began is no part", "h_bucket{le=\"1\"} 1\nh_count 1\nh_created 5\n",
         "h {count:1, sum:0, [-Inf,1]:1}\n"},
        {"a bucket without a bound", "h_bucket 5\nh_count 5\n",
         "h_bucket 5\nh {count:5, sum:0, [-Inf,+Inf]:5}\n"},
    }));
    CAPTURE(row.what);
    CHECK(converted(std::string("# TYPE h histogram\n") + row.lines + "# EOF\n") ==
          std::string("# h|histogram\n") + row.made);
}

TEST_CASE("histograms of two label sets do not mix", "[scrape][nhcb]") {
    CHECK(converted("# TYPE h histogram\n"
                    "h_bucket{a=\"1\",le=\"1\"} 1\nh_count{a=\"1\"} 1\n"
                    "h_bucket{a=\"2\",le=\"1\"} 2\nh_count{a=\"2\"} 2\n"
                    "# EOF\n") ==
          "# h|histogram\n"
          "h{a=\"1\"} {count:1, sum:0, [-Inf,1]:1}\n"
          "h{a=\"2\"} {count:2, sum:0, [-Inf,1]:2}\n");
}

}  // namespace vedette::scrape
