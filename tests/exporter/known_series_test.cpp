#include "exporter/ingest/known_series.h"

#include <catch2/catch.hpp>
#include <map>

#include "core/label_hash.h"
#include "exporter/ingest/write_request.h"
#include "remote.pb.h"

using namespace vedette;
using namespace vedette::exporter;

namespace {

/// Knows the series it was told of, and holds callers to the contract.
class Known final : public SeriesFinder {
public:
    explicit Known(std::initializer_list<Labels> all) {
        for (const Labels& labels : all) refs_.emplace(labels, SeriesRef{refs_.size() + 1});
    }
    std::size_t find_known(std::span<const Key> keys, std::span<SeriesRef> found) override {
        for (std::size_t i = 0; i < keys.size(); ++i) {
            const Labels labels(std::vector<Label>(keys[i].labels.begin(), keys[i].labels.end()));
            CHECK(has_just(labels, keys[i].labels));
            CHECK(labels.hash() == keys[i].hash);
            const auto at = refs_.find(labels);
            if (at == refs_.end()) return i;
            found[i] = at->second;
        }
        return keys.size();
    }
    SeriesRef ref(const Labels& labels) const { return refs_.at(labels); }

private:
    std::map<Labels, SeriesRef> refs_;
};

const Labels up{{"__name__", "up"}, {"job", "api"}}, down{{"__name__", "down"}, {"job", "api"}};

prometheus::TimeSeries* add(prometheus::WriteRequest& message, const Labels& labels,
                            std::int64_t at_ms) {
    auto* series = message.add_timeseries();
    for (const Label label : labels) {
        auto* added = series->add_labels();
        added->set_name(std::string(label.name));
        added->set_value(std::string(label.value));
    }
    auto* sample = series->add_samples();
    sample->set_value(0.5);
    sample->set_timestamp(at_ms);
    return series;
}

/// The slow, obvious twin: what the reader of everything says, when all of it is known.
std::vector<std::string> twin(const std::string& bytes, const Known& known) {
    std::vector<std::string> rows;
    const auto request = read_write_request(bytes);
    REQUIRE(request);
    for (const auto& series : request->series)
        for (const Sample& sample : series.samples)
            rows.push_back(std::to_string(known.ref(Labels(std::vector<Label>(series.labels))).id) +
                           " " + std::to_string(sample.at.ms) + " " +
                           format_value(std::get<double>(sample.value)));
    return rows;
}

std::vector<std::string> rows_of(const Batch& batch) {
    std::vector<std::string> rows;
    for (const Batch::Row& row : batch.rows)
        rows.push_back(std::to_string(row.series.id) + " " + std::to_string(row.sample.at.ms) +
                       " " + format_value(std::get<double>(row.sample.value)));
    return rows;
}

}  // namespace

TEST_CASE("samples of known series are read as the other reader reads them, in their order",
          "[exporter][write]") {
    Known known{up, down};
    prometheus::WriteRequest message;
    auto* series = add(message, up, 1'790'000'000'123);
    auto* second = series->add_samples();
    second->set_value(-1e300);
    second->set_timestamp(-5);
    add(message, down, 7);
    add(message, up, 8);
    const std::string bytes = message.SerializeAsString();
    const auto batch = read_known(bytes, known);
    REQUIRE(batch);
    CHECK(rows_of(*batch) == twin(bytes, known));
    CHECK(batch->rows.size() == 4);
}

TEST_CASE("what is new or unusual is left to the other reader", "[exporter][write]") {
    Known known{up, down};
    prometheus::WriteRequest message;
    auto* series = add(message, up, 1);
    REQUIRE(read_known(message.SerializeAsString(), known));
    const std::string what =
        GENERATE("an unknown series", "an exemplar", "a histogram", "metadata",
                 "labels out of order", "a name twice", "an empty value", "no metric name");
    CAPTURE(what);
    if (what == "an unknown series") add(message, {{"__name__", "new"}}, 1);
    if (what == "an exemplar") series->add_exemplars()->set_value(1);
    if (what == "a histogram") series->add_histograms()->set_count_int(0);
    if (what == "metadata") message.add_metadata()->set_metric_family_name("up");
    if (what == "labels out of order") series->mutable_labels()->SwapElements(0, 1);
    if (what == "a name twice") *series->add_labels() = series->labels(1);
    if (what == "an empty value") series->add_labels()->set_name("zone");
    if (what == "no metric name") series->mutable_labels()->DeleteSubrange(0, 1);
    CHECK_FALSE(read_known(message.SerializeAsString(), known));
}

TEST_CASE("a torn request is read as the other reader reads it, or left to it",
          "[exporter][write]") {
    Known known{up, down};
    prometheus::WriteRequest message;
    add(message, up, 1);
    add(message, down, 2);
    const std::string bytes = message.SerializeAsString();
    int whole = 0;
    for (std::size_t length = 0; length <= bytes.size(); ++length) {
        const std::string cut = bytes.substr(0, length);
        const auto batch = read_known(cut, known);
        CAPTURE(length);
        if (!batch) continue;
        ++whole;
        CHECK(rows_of(*batch) == twin(cut, known));
    }
    CHECK(whole == 3);  // nothing, the first series, both
}
