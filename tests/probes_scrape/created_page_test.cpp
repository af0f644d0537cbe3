#include <catch2/catch.hpp>

#include "probes/scrape/page/created.h"
#include "tests/probes_scrape/page_text.h"

namespace vedette::scrape {
namespace {

std::string read(std::string_view page) {
    CreatedReader reader(page);
    return text_of(reader, PageFormat::OpenMetrics);
}

}  // namespace

TEST_CASE("created lines are the beginning of what stands beside them", "[scrape][created]") {
    CHECK(read("# TYPE hits counter\n"
               "hits_total{path=\"/\"} 17\n"
               "hits_created{path=\"/\"} 1.5\n"
               "hits_created{path=\"/b\"} 2.5\n"
               "hits_total{path=\"/b\"} 1\n"
               "hits_total{path=\"/c\"} 1\n"
               "# TYPE took histogram\n"
               "took_bucket{le=\"+Inf\"} 3\ntook_count 3\ntook_sum 1\ntook_created 4\n"
               "# TYPE lat summary\n"
               "lat{quantile=\"0.5\"} 3\nlat_count 3\nlat_created 5\n"
               "# EOF\n") ==
          "# hits|counter\n"
          "hits_total{path=\"/\"} 17 since 1500\n"
          "hits_total{path=\"/b\"} 1 since 2500\n"
          "hits_total{path=\"/c\"} 1\n"
          "# took|histogram\n"
          "took_bucket{le=\"+Inf\"} 3 since 4000\n"
          "took_count 3 since 4000\n"
          "took_sum 1 since 4000\n"
          "# lat|summary\n"
          "lat{quantile=\"0.5\"} 3 since 5000\n"
          "lat_count 3 since 5000\n");
}

TEST_CASE("a gauge whose name ends in _created is a series", "[scrape][created]") {
    const std::string page = "# TYPE file_created gauge\nfile_created 5\n# EOF\n";
    CHECK(read(page) == "# file_created|gauge\nfile_created 5\n");
    CHECK(read("# TYPE file gauge\nfile_created 5\n# EOF\n") == "# file|gauge\nfile_created 5\n");
}

TEST_CASE("a mistake behind created lines is said with its line", "[scrape][created]") {
    CHECK(read("# TYPE hits counter\nhits_created 1\nhits_total oops\n# EOF\n") ==
          "line 3: \"oops\" is no value of \"hits_total\"; expected a number");
}

}  // namespace vedette::scrape
