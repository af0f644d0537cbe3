#include <catch2/catch.hpp>

#include "base/yaml.h"
#include "core/histogram.h"
#include "probes/scrape/page/series.h"
#include "tests/support/spy_sample_sink.h"

namespace vedette::scrape {
namespace {

constexpr Timestamp start{1'790'000'000'000};
const Labels target{{"instance", "a:1"}, {"job", "shop"}};

JobSettings job_of(const std::string& more) {
    Problems problems;
    Settings settings;
    read_scrape_configs(read_yaml("v.yml", "- job_name: shop\n" + more, problems), {}, settings,
                        problems);
    INFO(problems.text());
    REQUIRE_FALSE(problems.any());
    return settings.jobs.at(0);
}

/// One target whose pages come one after the other, 15 s apart.
struct Pages {
    explicit Pages(const std::string& more = "") : job(job_of(more)) {}

    Taken take(std::string_view page, PageFormat format = PageFormat::Text) {
        at = at + Milliseconds(15'000);
        Batch batch;
        const Taken taken = series.take(page, format, job, target, at, batch);
        sink.clear();
        REQUIRE(sink.append(batch));
        return taken;
    }
    /// Of the last page: `a 1`, `b stale`, with `@5` behind those that have a time of their own,
    /// without the target's labels.
    std::vector<std::string> rows() const {
        std::vector<std::string> out;
        const auto batches = sink.batches();
        for (std::string line : batches.at(0)) {
            for (const std::string& noise : {std::string("instance=\"a:1\", job=\"shop\", "),
                                             std::string(", instance=\"a:1\", job=\"shop\""),
                                             std::string("instance=\"a:1\", job=\"shop\""),
                                             std::string("{}"), " @" + std::to_string(at.ms)})
                if (const auto place = line.find(noise); place != std::string::npos)
                    line.erase(place, noise.size());
            out.push_back(line);
        }
        return out;
    }

    SpySampleSink sink;
    JobSettings job;
    PageSeries series{sink};
    Timestamp at = start;
};

using Rows = std::vector<std::string>;

}  // namespace

TEST_CASE("an unchanged page is taken without asking for a series", "[scrape][page_series]") {
    Pages pages;
    const Taken first = pages.take("# TYPE a gauge\na{x=\"1\"} 1\na{x=\"2\"} 2\n");
    CHECK((first.scraped == 2 && first.kept == 2 && first.added == 2));
    CHECK(pages.sink.series_asked() == 2);
    const Taken second = pages.take("# TYPE a gauge\na{x=\"1\"} 3\na{x=\"2\"} 4\n");
    CHECK((second.scraped == 2 && second.kept == 2 && second.added == 0));
    CHECK(pages.sink.series_asked() == 2);
    CHECK(pages.rows() == Rows{"a{x=\"1\"} 3", "a{x=\"2\"} 4"});
    CHECK(pages.sink.metadata_seen().at("a") == "gauge: ");
}

TEST_CASE("a series that is gone gets one stale marker, and others stay known",
          "[scrape][page_series]") {
    Pages pages;
    pages.take("a 1\nb 2\nc 3\n");
    const Taken changed = pages.take("a 1\nd 9\nc 3\n");
    CHECK(changed.added == 1);
    CHECK(pages.sink.series_asked() == 4);
    CHECK(pages.rows() == Rows{"a 1", "d 9", "c 3", "b stale"});
    pages.take("a 1\nd 9\n");
    CHECK(pages.rows() == Rows{"a 1", "d 9", "c stale"});
    pages.take("d 9\na 1\n");
    CHECK(pages.rows() == Rows{"d 9", "a 1"});
    CHECK(pages.take("").scraped == 0);
    CHECK(pages.rows() == Rows{"d stale", "a stale"});
}

TEST_CASE("a page that cannot be read is not taken, and ends what was there",
          "[scrape][page_series]") {
    Pages pages;
    pages.take("a 1\nb 2\n");
    const Taken bad = pages.take("a 2\nb oops\n");
    CHECK(bad.error == "line 2: \"oops\" is no value of \"b\"; expected a number");
    CHECK((bad.scraped == 1 && bad.kept == 1 && bad.added == 0));
    CHECK(pages.rows() == Rows{"a stale", "b stale"});
    CHECK(pages.take("a 3\n").added == 1);
    CHECK(pages.rows() == Rows{"a 3"});
}

TEST_CASE("limits of a job refuse the page by name", "[scrape][page_series]") {
    struct Row {
        const char* limit;
        const char* error;
    };
    const auto row = GENERATE(values<Row>({
        {"  sample_limit: 1", "sample limit exceeded"},
        {"  label_limit: 3", "label_limit exceeded (metric: a, number of labels: 4, limit: 3)"},
        {"  label_name_length_limit: 7",
         "label_name_length_limit exceeded (metric: a, label name: __name__, length: 8, limit: 7)"},
        {"  label_value_length_limit: 4",
         "label_value_length_limit exceeded (metric: a, label name: x, value: \"value\", length: "
         "5, limit: 4)"},
        {"  metric_relabel_configs: [{regex: __name__, action: labeldrop}]",
         "missing metric name (__name__ label)"},
    }));
    Pages pages(row.limit);
    CHECK(pages.take("a{x=\"value\"} 1\nb 1\n").error == row.error);
    CHECK(pages.rows().empty());
}

TEST_CASE("labels of the target count, unless the job honours those of the page",
          "[scrape][page_series]") {
    const std::string_view page = "a{job=\"own\",exported_job=\"x\",instance=\"\"} 1\n";
    Pages plain;
    plain.take(page);
    CHECK(plain.sink.batches()[0][0].starts_with(
        "a{exported_exported_job=\"own\", exported_job=\"x\", instance=\"a:1\", job=\"shop\"} 1"));
    Pages honoured("  honor_labels: true");
    honoured.take(page);
    CHECK(honoured.sink.batches()[0][0].starts_with(
        "a{exported_job=\"x\", instance=\"a:1\", job=\"own\"} 1"));
}

TEST_CASE("times on the page are honoured, and then its end is not said", "[scrape][page_series]") {
    Pages pages;
    pages.take("a 1 5\n");
    CHECK(pages.rows() == Rows{"a 1 @5"});
    pages.take("");
    CHECK(pages.rows().empty());
    Pages tracked("  track_timestamps_staleness: true");
    tracked.take("a 1 5\n");
    tracked.take("");
    CHECK(tracked.rows() == Rows{"a stale"});
    Pages ignored("  honor_timestamps: false");
    ignored.take("a 1 5\n");
    CHECK(ignored.rows() == Rows{"a 1"});
}

TEST_CASE("lines that metric relabelling drops are counted and not stored",
          "[scrape][page_series]") {
    Pages pages(
        "  metric_relabel_configs: [{source_labels: [__name__], regex: 'b.*', action: drop}]");
    for (int i = 0; i < 2; ++i) {
        const Taken taken = pages.take("a 1\nbb 2\n");
        CHECK((taken.scraped == 2 && taken.kept == 1));
        CHECK(pages.rows() == Rows{"a 1"});
    }
}

TEST_CASE("a store that forgot its numbers is asked again", "[scrape][page_series]") {
    Pages pages;
    pages.take("a 1\nb 1\n");
    pages.sink.new_generation();
    pages.take("a 2\n");
    CHECK(pages.rows() == Rows{"a 2", "b stale"});
}

TEST_CASE("a series that the store had no room for is taken when it has", "[scrape][page_series]") {
    Pages pages;
    pages.sink.allow_series(1);
    const Taken first = pages.take("a 1\nb 1\n");
    CHECK((first.kept == 2 && first.refused == 1));
    CHECK(first.refusal == "the budget of series is spent");
    pages.sink.allow_series(2);
    CHECK(pages.take("a 2\nb 2\n").refused == 0);
    CHECK(pages.rows() == Rows{"a 2", "b 2"});
}

TEST_CASE("changed settings of a job move its series", "[scrape][page_series]") {
    Pages pages;
    pages.take("a 1\nb 1\n");
    pages.job =
        job_of("  metric_relabel_configs: [{source_labels: [__name__], regex: a, action: drop}]");
    pages.series.look_anew();
    CHECK(pages.take("a 2\nb 2\n").added == 0);
    CHECK(pages.rows() == Rows{"b 2", "a stale"});
}

TEST_CASE("exemplars go along with the samples that are kept", "[scrape][page_series]") {
    Pages pages(
        "  metric_relabel_configs: [{source_labels: [__name__], regex: b.*, action: drop}]");
    const std::string page =
        "# TYPE a counter\na_total 1 # {t=\"x\"} 2 5\nb_total 1 # {t=\"y\"} 2\nc 1 7 # {} 3\n# "
        "EOF\n";
    const Taken taken = pages.take(page, PageFormat::OpenMetrics);
    CHECK(taken.exemplars == 2);
    CHECK(pages.rows() ==
          Rows{"a_total 1", "c 1 @7000", "a_total # {t=\"x\"} 2 @5000", "c # {} 3 @7000"});
    CHECK(pages.take(page, PageFormat::OpenMetrics).exemplars == 1);
    CHECK(pages.take("a_total 1 # {t=oops} 2\n# EOF\n", PageFormat::OpenMetrics)
              .error.starts_with("line 1: "));
}

TEST_CASE("bounds and quantiles are spelled in one way", "[scrape][page_series]") {
    Pages pages;
    pages.take(
        "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"1e6\"} 1\n"
        "h_bucket{le=\"+Inf\"} 1\n# TYPE s summary\ns{quantile=\"0\"} 1\n"
        "# TYPE g gauge\ng{le=\"1\",quantile=\"1\"} 1\n");
    const Rows rows{"h_bucket{le=\"1.0\"} 1", "h_bucket{le=\"1e+06\"} 1", "h_bucket{le=\"+Inf\"} 1",
                    "s{quantile=\"0.0\"} 1", "g{le=\"1\", quantile=\"1\"} 1"};
    CHECK(pages.rows().size() == rows.size());
    CHECK(pages.rows()[0].find("le=\"1.0\"") != std::string::npos);
    CHECK(pages.rows()[1].find("le=\"1e+06\"") != std::string::npos);
    CHECK(pages.rows()[3].find("quantile=\"0.0\"") != std::string::npos);
    CHECK(pages.rows()[4].find("le=\"1\"") != std::string::npos);
    pages.take("# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"5\"} 1\n");
    CHECK(pages.rows()[1].find("le=\"5.0\"") != std::string::npos);
}

TEST_CASE("a zero stands where a counter began, once for each beginning", "[scrape][page_series]") {
    Pages pages;
    pages.job.created_zeros = true;
    const auto zeros = [&](const std::string& created) {
        pages.take("# TYPE a counter\na_total 5\na_created " + created + "\n# EOF\n",
                   PageFormat::OpenMetrics);
        Rows out;
        for (const Batch::Row& row : pages.series.zeros().rows)
            out.push_back(format_value(std::get<double>(row.sample.value)) + " @" +
                          std::to_string(row.sample.at.ms));
        return out;
    };
    CHECK(zeros("1000") == Rows{"0 @1000000"});
    CHECK(zeros("1000").empty());
    CHECK(zeros("2000") == Rows{"0 @2000000"});
    CHECK(zeros("9e9").empty());
    CHECK(pages.rows() == Rows{"a_total 5"});
}

TEST_CASE("native histograms are taken when they are asked for, within their limits",
          "[scrape][page_series]") {
    Histogram wide;
    wide.schema = 3;
    wide.positive_spans = {{0, 8}};
    wide.positive_buckets.assign(8, 1);
    wide.count = 8;
    const auto shared = std::make_shared<const Histogram>(wide);
    JobSettings job = job_of("");
    CHECK(*limited(shared, job) == shared);
    job.histogram_schema_max = 2;
    CHECK((*limited(shared, job))->schema == 2);
    job.histogram_buckets_max = 2;
    const auto narrow = limited(shared, job);
    REQUIRE(narrow);
    CHECK((*narrow)->positive_buckets.size() <= 2);
    CHECK((*narrow)->count == 8);
    wide.schema = custom_buckets_schema;
    CHECK(limited(std::make_shared<const Histogram>(wide), job).error().message ==
          "histogram bucket limit exceeded");
    CHECK(schema_of_factor(0) == 8);
    CHECK(schema_of_factor(1.1) == 2);
    CHECK(schema_of_factor(2) == 0);
    CHECK(schema_of_factor(1e9) == -4);
}

TEST_CASE("what a page says about its metrics is remembered, sorted", "[scrape][page_series]") {
    Pages pages;
    pages.take("# HELP b Words.\n# TYPE b gauge\nb 1\n# TYPE a counter\na 1\n");
    CHECK(*pages.series.about() ==
          MetricsAbout{{"a", "counter", "", ""}, {"b", "gauge", "Words.", ""}});
    const auto before = pages.series.about();
    pages.take("# TYPE a counter\na 1\n# HELP b Words.\n# TYPE b gauge\nb 1\n");
    CHECK(pages.series.about() == before);
}

}  // namespace vedette::scrape
