#include "exporter/ingest/otlp/receiver.h"

#include <fmt/format.h>

#include "core/limits.h"
#include "exporter/ingest/intake.h"
#include "exporter/ingest/otlp/message.h"
#include "exporter/ingest/otlp/translate.h"
#include "exporter/json_writer.h"

namespace vedette::exporter::otlp {

namespace {

enum class Encoding { Protobuf, Json };

void put_varint(std::string& out, std::uint64_t number) {
    for (; number >= 0x80; number >>= 7) out += static_cast<char>(number | 0x80);
    out += static_cast<char>(number);
}

/// ExportMetricsServiceResponse: empty, or with partial_success = 1 {rejected_data_points = 1,
/// error_message = 2}.
std::string answer_protobuf(std::size_t refused, std::string_view why) {
    if (refused == 0) return {};
    std::string partial = "\x08";
    put_varint(partial, refused);
    partial += '\x12';
    put_varint(partial, why.size());
    partial += why;
    std::string out = "\x0a";
    put_varint(out, partial.size());
    return out + partial;
}

std::string answer_json(std::size_t refused, std::string_view why) {
    JsonWriter json;
    json.begin_object();
    if (refused != 0) {
        json.key("partialSuccess").begin_object();
        // 64-bit integers are text in protobuf's JSON.
        json.field("rejectedDataPoints", fmt::format("{}", refused)).field("errorMessage", why);
        json.end_object();
    }
    json.end_object();
    return json.take();
}

Response take_metrics(const Request& http, SampleSink& sink, const Clock& clock,
                      const Settings& settings) {
    const std::string_view type = http.header("content-type");
    const std::string_view media = type.substr(0, type.find(';'));
    if (media != "application/x-protobuf" && media != "application/json")
        return text_response(415, fmt::format("content type \"{}\" is not taken; application/"
                                              "x-protobuf and application/json are\n",
                                              type));
    const bool json = media == "application/json";
    const Result<Message> message = json ? read_json(http.body) : read_protobuf(http.body);
    if (!message) return refusal(message.error());
    const Translated translated = translate(*message, settings);
    const Result<Intake> taken = take_in(translated.request, BadSeries::LeaveOut, sink, clock);
    if (!taken) return refusal_of_intake(taken.error());
    const std::size_t refused = translated.refused + taken->refused;
    const std::string& why = translated.first.empty() ? taken->first : translated.first;
    Response response = text_response(200, json ? answer_json(refused, why)
                                                : answer_protobuf(refused, why));
    response.content_type = media;
    return response;
}

}  // namespace

void Receiver::load(Settings settings) {
    const Lock lock(mutex_);
    settings_ = std::move(settings);
}

Settings Receiver::settings() const {
    const Lock lock(mutex_);
    return settings_;
}

Route Receiver::route() {
    return {.method = "POST",
            .path = "/api/v1/otlp/v1/metrics",
            .role = Role::Editor,
            .group = PathGroup::Write,
            .weight = Weight::Worker,
            .answer =
                [this](const Request& request) {
                    return take_metrics(request, sink_, clock_, settings());
                },
            .body_bytes_max = limits::write_body_bytes_max};
}

}  // namespace vedette::exporter::otlp
