#include "store/settings.h"

#include <fmt/format.h>

#include <cstdint>

#include "store/matching.h"

namespace vedette::store {

namespace {

Milliseconds window_of(MapReader& map, std::string_view key) {
    const Milliseconds window = map.duration(key, Milliseconds(0));
    if (window >= Milliseconds(0)) return window;
    map.problem(key, fmt::format("{}.{} is {}; expected 0s or more", map.what(), key,
                                 format_duration(window)));
    return Milliseconds(0);
}

/// Ours and Prometheus's key mean the same; who says both says the same with both.
Milliseconds read_window(MapReader& map, Problems& problems) {
    constexpr std::string_view own_key = "out_of_order_window";
    const bool own_said = map.node(own_key) != nullptr;
    const Milliseconds own = window_of(map, own_key);
    const ConfigNode* tsdb = map.node("tsdb");
    if (tsdb == nullptr) return own;
    MapReader theirs(*tsdb, problems, "storage.tsdb");
    constexpr std::string_view their_key = "out_of_order_time_window";
    if (theirs.node(their_key) == nullptr) return own;
    const Milliseconds window = window_of(theirs, their_key);
    if (own_said && own != window)
        theirs.problem(
            their_key,
            fmt::format("storage.tsdb.{} is {} and storage.{} is {}; expected one of "
                        "them, or the same",
                        their_key, format_duration(window), own_key, format_duration(own)));
    return window;
}

std::vector<RetentionClass> read_classes(MapReader& map, Problems& problems,
                                         const ParseSelector& parse) {
    std::vector<RetentionClass> classes;
    map.list("retention_classes", [&](const ConfigNode& node) {
        MapReader one(node, problems, "storage.retention_classes");
        RetentionClass made;
        made.text = one.required_string("match");
        if (one.required("keep") != nullptr) made.keep = one.duration("keep", Milliseconds(0));
        if (one.node("keep") != nullptr && made.keep <= Milliseconds(0))
            one.problem("keep", "storage.retention_classes: keep is " + format_duration(made.keep) +
                                    "; expected more than 0s");
        if (made.text.empty()) return;
        auto selector = parse(made.text);
        const auto refuse = [&](const Error& error) {
            one.problem("match", "storage.retention_classes: match is no selector of series such "
                                 "as '{__name__=~\"node_.*\"}': " +
                                     error.message);
        };
        if (!selector) return refuse(selector.error());
        made.selector = std::move(*selector);
        for (const Matcher& matcher : made.selector)
            if (auto ready = ReadyMatcher::make(matcher); !ready) return refuse(ready.error());
        classes.push_back(std::move(made));
    });
    return classes;
}

}  // namespace

StoreSettings read_storage_section(const ConfigNode& section, Problems& problems,
                                   const ParseSelector& parse) {
    StoreSettings settings;
    if (section.is_null()) return settings;
    MapReader map(section, problems, "storage");
    const auto positive = [&](std::string_view key, Milliseconds otherwise) {
        const Milliseconds value = map.duration(key, otherwise);
        if (value > Milliseconds(0)) return value;
        map.problem(key, "storage." + std::string(key) + " is " + format_duration(value) +
                             "; expected more than 0s");
        return otherwise;
    };
    settings.retention = positive("retention", settings.retention);
    settings.lookback = positive("lookback", settings.lookback);
    settings.wal_sync_interval = positive("wal_sync_interval", settings.wal_sync_interval);
    const auto number = [&](std::string_view key, std::size_t& value, std::int64_t least,
                            std::size_t most) {
        value = static_cast<std::size_t>(map.integer(key, static_cast<std::int64_t>(value), least,
                                                     static_cast<std::int64_t>(most)));
    };
    number("series_max", settings.series_max, 1, limits::series_slots_max);
    number("job_series_max", settings.job_series_max, 0, limits::series_slots_max);
    number("labels_max", settings.labels.labels_max, 1, limits::labels_per_series_max);
    number("label_name_bytes_max", settings.labels.name_bytes_max, 1,
           limits::label_name_bytes_max);
    number("label_value_bytes_max", settings.labels.value_bytes_max, 1,
           limits::label_value_bytes_max);
    settings.head_bytes_max = map.bytes("head_bytes_max", settings.head_bytes_max);
    settings.retention_bytes = map.bytes("retention_bytes", settings.retention_bytes);
    settings.disk_free_min = map.bytes("disk_free_min", settings.disk_free_min);
    settings.reserve_bytes = map.bytes("reserve_bytes", settings.reserve_bytes);
    if (const ConfigNode* node = map.node("rollups")) {
        MapReader rollups(*node, problems, "storage.rollups");
        for (RollupSettings& each : settings.rollups)
            each.retention = rollups.duration(format_duration(each.resolution), each.retention);
    }
    constexpr std::size_t reserve_min = 2 * limits::reserve_piece_bytes;
    if (settings.reserve_bytes > 0 && settings.reserve_bytes < reserve_min)
        map.problem("reserve_bytes",
                    fmt::format("storage.reserve_bytes is {}; expected 0 for none, "
                                "or at least {}",
                                settings.reserve_bytes, reserve_min));
    settings.out_of_order_window = read_window(map, problems);
    settings.retention_classes = read_classes(map, problems, parse);
    if (const ConfigNode* node = map.node("exemplars"))
        settings.exemplars_max = static_cast<std::size_t>(
            MapReader(*node, problems, "storage.exemplars")
                .integer("max_exemplars", limits::exemplars_max_default, 0,
                         static_cast<std::int64_t>(limits::exemplars_max_max)));
    return settings;
}

}  // namespace vedette::store
