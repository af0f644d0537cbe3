#include "exporter/ingest/intake.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/limits.h"

namespace vedette::exporter {

namespace {

/// An empty value is the same as no label. Fails with BadInput for a name that comes twice, and
/// without a metric name.
Result<Labels> to_labels(const WriteRequest::Series& series) {
    std::size_t bytes = 0;
    for (const Label& label : series.labels) bytes += label.name.size() + label.value.size();
    if (series.labels.size() > limits::labels_per_series_max || bytes > limits::labels_bytes_max)
        return fail(Fault::BadInput,
                    fmt::format("a series has {} labels of {} bytes; at most {} of {} are taken",
                                series.labels.size(), bytes, limits::labels_per_series_max,
                                limits::labels_bytes_max));
    const auto filled = static_cast<std::size_t>(
        std::ranges::count_if(series.labels, [](const Label& label) { return !label.value.empty(); }));
    Labels labels{std::vector<Label>(series.labels)};
    if (labels.size() != filled)
        return fail(Fault::BadInput,
                    fmt::format("series {} has one label name twice", to_string(labels)));
    if (!labels.has(metric_name_label))
        return fail(Fault::BadInput, "a series needs a metric name");
    return labels;
}

struct Sorted {
    Batch batch;
    Intake intake;
};

Result<SeriesRef> find(const WriteRequest::Series& series, SampleSink& sink) {
    if (!series.refusal.empty()) return fail(Fault::BadInput, series.refusal);
    const Result<Labels> labels = to_labels(series);
    if (!labels) return fail(labels.error());
    return sink.series(*labels);
}

Result<Sorted> to_batch(const WriteRequest& request, BadSeries bad, SampleSink& sink) {
    Sorted out;
    for (const WriteRequest::Series& series : request.series) {
        if (series.samples.empty() && series.exemplars.empty()) continue;
        const Result<SeriesRef> ref = find(series, sink);
        if (!ref) {
            // A limit of one job does not make everybody's samples wait.
            const bool leave_out =
                ref.error().fault == Fault::Refused ||
                (bad == BadSeries::LeaveOut && ref.error().fault == Fault::BadInput);
            if (!leave_out) return fail(ref.error());
            out.intake.refused += series.samples.size();
            if (out.intake.first.empty()) out.intake.first = ref.error().message;
            continue;
        }
        for (const Sample& sample : series.samples) out.batch.rows.push_back({*ref, sample});
        for (const WriteRequest::Series::Exemplar& exemplar : series.exemplars)
            out.batch.exemplars.push_back(
                {*ref, Labels(std::vector<Label>(exemplar.labels)), exemplar.at, exemplar.value});
    }
    return out;
}

/// Takes out what is so far ahead of our clock that it would lock out its series until then.
void take_out_future(Sorted& sorted, Timestamp now) {
    const Timestamp newest = now + Milliseconds(limits::sample_ahead_max);
    std::erase_if(sorted.batch.exemplars,
                  [&](const auto& exemplar) { return exemplar.at > newest; });
    sorted.intake.refused += std::erase_if(sorted.batch.rows, [&](const Batch::Row& row) {
        if (row.sample.at <= newest) return false;
        if (sorted.intake.first.empty())
            sorted.intake.first =
                fmt::format("a sample is at {}, more than {} ahead of this machine's clock",
                            format_rfc3339(row.sample.at), format_duration(limits::sample_ahead_max));
        return true;
    });
}

}  // namespace

namespace {

Result<Intake> hand_on(Sorted sorted, SampleSink& sink, const Clock& clock) {
    take_out_future(sorted, clock.now());
    const Result<Appended> appended = sink.append(sorted.batch);
    if (!appended) return fail(Fault::Unavailable, appended.error().message);
    Intake& intake = sorted.intake;
    intake.histograms = static_cast<std::size_t>(
        std::ranges::count_if(sorted.batch.rows, [](const Batch::Row& row) {
            return std::holds_alternative<HistogramRef>(row.sample.value);
        }));
    intake.histograms -= appended->refused_histograms;
    intake.samples = appended->stored - intake.histograms;
    intake.exemplars = sorted.batch.exemplars.size();
    intake.refused += appended->out_of_order + appended->duplicate + appended->too_old;
    if (intake.first.empty()) intake.first = appended->first_rejection;
    return std::move(intake);
}

}  // namespace

Result<Intake> take_in(const WriteRequest& request, BadSeries bad, SampleSink& sink,
                       const Clock& clock) {
    Result<Sorted> sorted = to_batch(request, bad, sink);
    if (!sorted) return fail(sorted.error());
    for (const WriteRequest::Metadata& metadata : request.metadata)
        sink.metadata(metadata.metric, metadata.type, metadata.help, metadata.unit);
    return hand_on(*std::move(sorted), sink, clock);
}

Result<Intake> take_batch(Batch batch, SampleSink& sink, const Clock& clock) {
    return hand_on({std::move(batch), {}}, sink, clock);
}

Response refusal(const Error& error) {
    switch (error.fault) {
        case Fault::BadInput:
            return text_response(400, error.message + "\n");
        case Fault::Limit:
            return text_response(413, error.message + "\n");
        default:
            return text_response(503, error.message + "\n");
    }
}

Response refusal_of_intake(const Error& error) {
    Response response = refusal(error);
    if (error.fault == Fault::Limit) response.status = 503;
    return response;
}

}  // namespace vedette::exporter
