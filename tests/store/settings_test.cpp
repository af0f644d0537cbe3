#include "store/settings.h"

#include <catch2/catch.hpp>

#include "base/yaml.h"

namespace vedette::store {
namespace {

StoreSettings read(const std::string& text, Problems& problems) {
    const ConfigNode root = read_yaml("watch.yml", text, problems);
    const ConfigNode* section = root.find("storage");
    REQUIRE(section != nullptr);
    // `name="value"`, as much of a selector as is needed here.
    const auto parse = [](std::string_view match) -> Result<std::vector<Matcher>> {
        const auto sign = match.find("=~");
        if (sign == match.npos) return fail(Fault::BadInput, "no `=~` in it");
        return std::vector<Matcher>{{Matcher::Op::Match, std::string(match.substr(0, sign)),
                                     std::string(match.substr(sign + 2))}};
    };
    return read_storage_section(*section, problems, parse);
}

}  // namespace

TEST_CASE("the storage section is read with its defaults", "[store][settings]") {
    Problems problems;
    const StoreSettings settings = read(
        "storage:\n  retention: 30d\n  retention_bytes: 5GB\n  series_max: 5000\n  head_bytes_max: "
        "1GB\n",
        problems);
    CHECK_FALSE(problems.any());
    CHECK(settings.retention == std::chrono::hours(24 * 30));
    CHECK(settings.retention_bytes == std::uint64_t{5} << 30);
    CHECK(settings.lookback == std::chrono::minutes(5));
    CHECK(settings.series_max == 5000);
    CHECK(settings.head_bytes_max == std::size_t{1} << 30);
}

TEST_CASE("what is wrong in the storage section is said with its place", "[store][settings]") {
    Problems problems;
    read("storage:\n  retention: 0s\n  seris_max: 3\n", problems);
    CHECK(problems.text() ==
          "watch.yml:2:14: storage.retention is 0s; expected more than 0s\n"
          "      retention: 0s\n"
          "                 ^\n"
          "watch.yml:3:3: unknown key `seris_max` in storage; did you mean `series_max`?\n"
          "      seris_max: 3\n"
          "      ^\n");
}

TEST_CASE("roll-ups are kept for a year unless it is said for how long", "[store][settings]") {
    Problems problems;
    CHECK(read("storage: {retention: 30d}\n", problems).rollups[0].retention ==
          std::chrono::hours(24 * 365));
    const StoreSettings some = read("storage: {rollups: {5m: 90d, 1h: 0s}}\n", problems);
    CHECK(some.rollups[0].resolution == std::chrono::minutes(5));
    CHECK(some.rollups[0].retention == std::chrono::hours(24 * 90));
    CHECK(some.rollups[1].resolution == std::chrono::hours(1));
    CHECK(some.rollups[1].retention == Milliseconds(0));
    CHECK_FALSE(problems.any());
    read("storage:\n  rollups:\n    10m: 1y\n    1h: long\n", problems);
    CHECK(problems.text() ==
          "watch.yml:4:9: `1h` of storage.rollups is `long`; expected a duration such as `15s` or "
          "`1h30m`\n"
          "        1h: long\n"
          "            ^\n"
          "watch.yml:3:5: unknown key `10m` in storage.rollups\n"
          "        10m: 1y\n"
          "        ^\n");
}

TEST_CASE("limits of series, labels and the disk are read, and no more than the program can",
          "[store][settings]") {
    Problems problems;
    const StoreSettings settings = read(
        "storage: {job_series_max: 10, labels_max: 20, label_name_bytes_max: 30, "
        "label_value_bytes_max: 40, disk_free_min: 1GiB}\n",
        problems);
    CHECK_FALSE(problems.any());
    CHECK(settings.job_series_max == 10);
    CHECK(settings.labels.labels_max == 20);
    CHECK(settings.labels.name_bytes_max == 30);
    CHECK(settings.labels.value_bytes_max == 40);
    CHECK(settings.disk_free_min == std::uint64_t{1} << 30);
    read("storage:\n  labels_max: 129\n", problems);
    CHECK(problems.text() ==
          "watch.yml:2:15: `labels_max` of storage is 129; expected 1 to 128\n"
          "      labels_max: 129\n"
          "                  ^\n");
}

TEST_CASE("a reserve is none, or large enough to be given in pieces", "[store][settings]") {
    Problems problems;
    CHECK(read("storage: {reserve_bytes: 0}\n", problems).reserve_bytes == 0);
    CHECK(read("storage: {reserve_bytes: 64MiB}\n", problems).reserve_bytes == 64u << 20);
    CHECK_FALSE(problems.any());
    read("storage:\n  reserve_bytes: 1MiB\n", problems);
    CHECK(problems.text() ==
          "watch.yml:2:18: storage.reserve_bytes is 1048576; expected 0 for none, or at least "
          "2097152\n"
          "      reserve_bytes: 1MiB\n"
          "                     ^\n");
}

TEST_CASE("the out-of-order window has our name and Prometheus's", "[store][settings]") {
    Problems problems;
    CHECK(read("storage: {}\n", problems).out_of_order_window == Milliseconds(0));
    CHECK(read("storage:\n  out_of_order_window: 5m\n", problems).out_of_order_window ==
          std::chrono::minutes(5));
    CHECK(read("storage:\n  tsdb:\n    out_of_order_time_window: 5m\n", problems)
              .out_of_order_window == std::chrono::minutes(5));
    CHECK(read("storage: {out_of_order_window: 1h, tsdb: {out_of_order_time_window: 60m}}\n",
               problems)
              .out_of_order_window == std::chrono::hours(1));
    CHECK(problems.all().empty());
    read(
        "storage:\n  out_of_order_window: 1h\n  tsdb:\n    out_of_order_time_window: 2h\n"
        "    retention: 5d\n",
        problems);
    CHECK(problems.text() ==
          "watch.yml:4:31: storage.tsdb.out_of_order_time_window is 2h and "
          "storage.out_of_order_window is 1h; expected one of them, or the same\n"
          "        out_of_order_time_window: 2h\n"
          "                                  ^\n"
          "watch.yml:5:5: unknown key `retention` in storage.tsdb\n"
          "        retention: 5d\n"
          "        ^\n");
}

TEST_CASE("classes of series say how long they are kept", "[store][settings]") {
    Problems problems;
    const StoreSettings settings = read(
        "storage:\n  retention_classes:\n    - {match: __name__=~node_.*, keep: 90d}\n"
        "    - {match: job=~debug, keep: 1d}\n",
        problems);
    CHECK(problems.all().empty());
    REQUIRE(settings.retention_classes.size() == 2);
    CHECK(settings.retention_classes[0].text == "__name__=~node_.*");
    CHECK(settings.retention_classes[0].selector[0].value == "node_.*");
    CHECK(settings.retention_classes[0].keep == std::chrono::hours(24 * 90));
    CHECK(settings.retention_classes[1].keep == std::chrono::hours(24));
    read("storage:\n  retention_classes:\n    - {match: up, keep: 0s}\n    - {keep: 1d}\n"
         "    - {match: \"a=~[\", keep: 1d, for: 1d}\n",
         problems);
    CHECK(problems.text() ==
          "watch.yml:3:25: storage.retention_classes: keep is 0s; expected more than 0s\n"
          "        - {match: up, keep: 0s}\n"
          "                            ^\n"
          "watch.yml:3:15: storage.retention_classes: match is no selector of series such as "
          "'{__name__=~\"node_.*\"}': no `=~` in it\n"
          "        - {match: up, keep: 0s}\n"
          "                  ^\n"
          "watch.yml:4:7: storage.retention_classes has no `match`\n"
          "        - {keep: 1d}\n"
          "          ^\n"
          "watch.yml:5:15: storage.retention_classes: match is no selector of series such as "
          "'{__name__=~\"node_.*\"}': the pattern of a=~\"[\" cannot be read: missing ]: [\n"
          "        - {match: \"a=~[\", keep: 1d, for: 1d}\n"
          "                  ^\n"
          "watch.yml:5:33: unknown key `for` in storage.retention_classes\n"
          "        - {match: \"a=~[\", keep: 1d, for: 1d}\n"
          "                                    ^\n");
}

TEST_CASE("so many exemplars are remembered as Prometheus's own key says", "[store][settings]") {
    Problems problems;
    CHECK(read("storage: {}\n", problems).exemplars_max == 100'000);
    CHECK(read("storage:\n  exemplars: {max_exemplars: 5}\n", problems).exemplars_max == 5);
    CHECK(problems.all().empty());
    read("storage:\n  exemplars: {max_exemplar: 5}\n", problems);
    CHECK(problems.text() ==
          "watch.yml:2:15: unknown key `max_exemplar` in storage.exemplars; did you mean "
          "`max_exemplars`?\n"
          "      exemplars: {max_exemplar: 5}\n"
          "                  ^\n");
}

}  // namespace vedette::store
