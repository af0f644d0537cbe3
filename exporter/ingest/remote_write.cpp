#include "exporter/ingest/remote_write.h"

#include <fmt/format.h>

#include "base/snappy.h"
#include "core/limits.h"
#include "exporter/ingest/intake.h"
#include "exporter/ingest/known_series.h"
#include "exporter/ingest/write_request.h"

namespace vedette::exporter {

namespace {

enum class Version { One, Two };

/// The version a content type names; both parameters and none are in use. Fails with what to say.
Result<Version> version_of(std::string_view type) {
    const auto trim = [](std::string_view text) {
        while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
        while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
        return text;
    };
    std::string_view rest = type;
    const auto part = [&] {
        const std::size_t end = std::min(rest.find(';'), rest.size());
        const std::string_view first = trim(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
        return first;
    };
    if (part() != "application/x-protobuf")
        return fail(Fault::BadInput,
                    fmt::format("content type \"{}\" is not taken; application/x-protobuf is", type));
    while (!rest.empty()) {
        const std::string_view parameter = part();
        if (!parameter.starts_with("proto=")) continue;
        const std::string_view message = parameter.substr(6);
        if (message == "prometheus.WriteRequest") return Version::One;
        if (message == "io.prometheus.write.v2.Request") return Version::Two;
        return fail(Fault::BadInput,
                    fmt::format("message {} is not taken; prometheus.WriteRequest and "
                                "io.prometheus.write.v2.Request are",
                                message));
    }
    return Version::One;
}

/// What version 2 wants to hear whether or not all was stored.
void say_how_much(const Intake& taken, Response& response) {
    const auto say = [&](std::string_view what, std::size_t count) {
        response.headers.emplace_back(fmt::format("X-Prometheus-Remote-Write-{}-Written", what),
                                      fmt::format("{}", count));
    };
    say("Samples", taken.samples);
    say("Histograms", taken.histograms);
    say("Exemplars", taken.exemplars);
}

Result<Intake> read_and_take(std::string_view bytes, Version version, SampleSink& sink,
                             SeriesFinder* known, const Clock& clock) {
    const bool two = version == Version::Two;
    if (!two && known != nullptr)
        if (auto batch = read_known(bytes, *known))
            return take_batch(*std::move(batch), sink, clock);
    const Result<WriteRequest> request =
        two ? read_write_request_v2(bytes) : read_write_request(bytes);
    if (!request) return fail(request.error());
    auto taken = take_in(*request, two ? BadSeries::LeaveOut : BadSeries::RefuseAll, sink, clock);
    // A store without room is not the sender's fault.
    if (!taken && taken.error().fault == Fault::Limit)
        return fail(Fault::Unavailable, taken.error().message);
    return taken;
}

Response take_write(const Request& http, SampleSink& sink, SeriesFinder* known,
                    const Clock& clock) {
    const std::string_view encoding = http.header("content-encoding");
    if (!encoding.empty() && encoding != "snappy")
        return text_response(
            415, fmt::format("encoding \"{}\" is not taken; Content-Encoding: snappy is\n", encoding));
    const Result<Version> version = version_of(http.header("content-type"));
    if (!version) return text_response(415, version.error().message + "\n");
    const bool two = *version == Version::Two;
    const Result<std::string> bytes = uncompress_snappy(http.body, limits::write_decoded_bytes_max);
    if (!bytes) return refusal(bytes.error());
    const Result<Intake> taken = read_and_take(*bytes, *version, sink, known, clock);
    if (!taken) {
        Response response = refusal(taken.error());
        if (two) say_how_much({}, response);
        return response;
    }
    Response response =
        taken->refused == 0
            ? text_response(204, {})
            : text_response(400, fmt::format("{} of {} samples were not stored; the first: {}\n",
                                             taken->refused,
                                             taken->refused + taken->samples + taken->histograms,
                                             taken->first));
    if (two) say_how_much(*taken, response);
    return response;
}

}  // namespace

Route remote_write_route(SampleSink& sink, const Clock& clock, SeriesFinder* known) {
    return {.method = "POST",
            .path = "/api/v1/write",
            .role = Role::Editor,
            .group = PathGroup::Write,
            .weight = Weight::Worker,
            .answer = [&sink, known, &clock](
                          const Request& request) { return take_write(request, sink, known, clock); },
            .body_bytes_max = limits::write_body_bytes_max};
}

}  // namespace vedette::exporter
