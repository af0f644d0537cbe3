#include "exporter/ingest/known_series.h"

#include <algorithm>
#include <string>
#include <vector>

#include "core/label_hash.h"
#include "core/limits.h"
#include "core/wire.h"
#include "core/wire_parts.h"
#include "core/wire_series.h"

namespace vedette::exporter {

namespace {

constexpr std::size_t reserved_max = 16'384;  // labels, before any was read

/// A request, taken apart into three flat lists; a series is a stretch of each.
///
///     labels   │ __name__ job path │ __name__ job path │ …
///     samples  │ s                 │ s s               │ …
///     ends     │ 3 1               │ 6 3               │ …
struct Flat {
    struct End {
        std::uint32_t label = 0, sample = 0;
    };
    std::vector<Label> labels;
    std::vector<Sample> samples;
    std::vector<End> ends;
    std::size_t parts = 0;
};

bool read_series(std::string_view bytes, Flat& flat) {
    WireReader in(bytes);
    while (in.next()) {
        if (!in.is_bytes()) continue;
        ++flat.parts;
        const bool good = in.number() == 1   ? read_label(in.bytes(), flat.labels)
                          : in.number() == 2 ? read_sample(in.bytes(), flat.samples)
                                             : false;
        if (!good) return false;
    }
    flat.ends.push_back({static_cast<std::uint32_t>(flat.labels.size()),
                         static_cast<std::uint32_t>(flat.samples.size())});
    return !in.bad();
}

bool read_all(std::string_view bytes, Flat& flat) {
    WireReader in(bytes);
    while (in.next()) {
        if (in.number() != 1 || !in.is_bytes() || !read_series(in.bytes(), flat)) return false;
        if (++flat.parts > limits::write_parts_max) return false;
    }
    return !in.bad();
}

/// False when a series is none as it stands, or has no metric name.
bool make_keys(const Flat& flat, std::vector<SeriesFinder::Key>& keys) {
    keys.reserve(flat.ends.size());
    std::string scratch;
    std::uint32_t begin = 0;
    for (const Flat::End& end : flat.ends) {
        const std::span labels(flat.labels.data() + begin, end.label - begin);
        begin = end.label;
        const bool named = std::ranges::any_of(
            labels, [](const Label& label) { return label.name == metric_name_label; });
        if (!named || !is_label_set(labels)) return false;
        keys.push_back({labels, hash_of(labels, scratch)});
    }
    return true;
}

}  // namespace

std::optional<Batch> read_known(std::string_view bytes, SeriesFinder& series) {
    Flat flat;
    flat.labels.reserve(std::min(bytes.size() / 16, reserved_max));
    if (!read_all(bytes, flat)) return {};
    std::vector<SeriesFinder::Key> keys;
    if (!make_keys(flat, keys)) return {};
    std::vector<SeriesRef> refs(keys.size());
    if (series.find_known(keys, refs) != keys.size()) return {};
    Batch batch;
    batch.rows.reserve(flat.samples.size());
    std::uint32_t sample = 0;
    for (std::size_t i = 0; i < refs.size(); ++i)
        for (; sample < flat.ends[i].sample; ++sample)
            batch.rows.push_back({refs[i], std::move(flat.samples[sample])});
    return batch;
}

}  // namespace vedette::exporter
