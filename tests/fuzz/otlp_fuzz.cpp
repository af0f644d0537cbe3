// Any bytes as OTLP metrics: the first byte says whether as JSON, and how they are translated.
#include <cstddef>
#include <cstdint>

#include "exporter/ingest/otlp/translate.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    namespace otlp = vedette::exporter::otlp;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    const auto message = (data[0] & 1U) != 0 ? otlp::read_json(bytes) : otlp::read_protobuf(bytes);
    if (!message) return 0;
    otlp::Settings settings;
    settings.translation = static_cast<otlp::Settings::Translation>((data[0] >> 1U) % 3);
    settings.convert_histograms_to_nhcb = (data[0] & 8U) != 0;
    settings.promote_all_resource_attributes = (data[0] & 16U) != 0;
    (void)otlp::translate(*message, settings);
    return 0;
}
