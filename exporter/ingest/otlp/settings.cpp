#include "exporter/ingest/otlp/settings.h"

namespace vedette::exporter::otlp {

Settings read_otlp_section(const ConfigNode& section, Problems& problems) {
    using Translation = Settings::Translation;
    Settings out;
    if (section.is_null()) return out;
    MapReader map(section, problems, "otlp");
    out.promote_all_resource_attributes = map.boolean("promote_all_resource_attributes", false);
    out.promote_resource_attributes = map.strings("promote_resource_attributes");
    out.ignore_resource_attributes = map.strings("ignore_resource_attributes");
    out.keep_identifying_resource_attributes =
        map.boolean("keep_identifying_resource_attributes", false);
    out.convert_histograms_to_nhcb = map.boolean("convert_histograms_to_nhcb", false);
    const std::string translation = map.choice(
        "translation_strategy",
        {"UnderscoreEscapingWithSuffixes", "NoUTF8EscapingWithSuffixes", "NoTranslation"},
        "UnderscoreEscapingWithSuffixes");
    if (translation == "NoUTF8EscapingWithSuffixes")
        out.translation = Translation::NoUtf8EscapingWithSuffixes;
    if (translation == "NoTranslation") out.translation = Translation::NoTranslation;
    if (out.promote_all_resource_attributes && !out.promote_resource_attributes.empty())
        map.problem("promote_resource_attributes",
                    "otlp.promote_resource_attributes and promote_all_resource_attributes cannot "
                    "both be set");
    if (!out.promote_all_resource_attributes && !out.ignore_resource_attributes.empty())
        map.problem("ignore_resource_attributes",
                    "otlp.ignore_resource_attributes needs promote_all_resource_attributes");
    return out;
}

}  // namespace vedette::exporter::otlp
