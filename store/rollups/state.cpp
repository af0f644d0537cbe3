#include "store/rollups/state.h"

#include <algorithm>
#include <limits>

#include "store/bytes.h"
#include "store/crc32c.h"

namespace vedette::store {
namespace {

constexpr Timestamp never{std::numeric_limits<std::int64_t>::min()};

void join(std::vector<Stretch>& stretches) {
    std::ranges::sort(stretches, {}, &Stretch::from);
    std::vector<Stretch> joined;
    for (const Stretch& each : stretches) {
        if (!joined.empty() && each.from <= joined.back().to)
            joined.back().to = std::max(joined.back().to, each.to);
        else
            joined.push_back(each);
    }
    stretches = std::move(joined);
}

}  // namespace

void RollupState::set_classes(std::vector<std::string> texts) {
    texts.emplace_back();  // the series of no class
    if (std::ranges::equal(texts, classes, {}, {}, &Class::text)) return;
    Timestamp whole_from = never;
    for (const Class& each : classes) whole_from = std::max(whole_from, each.whole_from);
    classes.clear();
    for (std::string& text : texts) classes.push_back({std::move(text), whole_from});
}

void RollupState::throw_away(std::size_t index, Timestamp until) {
    classes[index].whole_from = std::max(classes[index].whole_from, until);
}

void RollupState::throw_away(Timestamp until) {
    for (std::size_t i = 0; i < classes.size(); ++i) throw_away(i, until);
}

const std::vector<Stretch>& RollupState::due_of(Milliseconds resolution) const {
    static const std::vector<Stretch> nothing;
    const auto found = std::ranges::find(due, resolution, &Due::resolution);
    return found == due.end() ? nothing : found->stretches;
}

void RollupState::add_due(Milliseconds resolution, Stretch stretch) {
    auto found = std::ranges::find(due, resolution, &Due::resolution);
    if (found == due.end()) found = due.insert(due.end(), {resolution, {}});
    found->stretches.push_back(stretch);
    join(found->stretches);
}

void RollupState::done(Milliseconds resolution, Stretch stretch) {
    const auto found = std::ranges::find(due, resolution, &Due::resolution);
    if (found == due.end()) return;
    std::vector<Stretch> left;
    for (const Stretch& each : found->stretches) {
        const Stretch before{each.from, std::min(each.to, stretch.from)};
        const Stretch after{std::max(each.from, stretch.to), each.to};
        if (before.from < before.to) left.push_back(before);
        if (after.from < after.to) left.push_back(after);
    }
    found->stretches = std::move(left);
    if (found->stretches.empty()) due.erase(found);
}

bool RollupState::is_due(Window window) const {
    return std::ranges::any_of(due, [&](const Due& each) {
        // A bucket that begins in a stretch may end after it.
        return std::ranges::any_of(each.stretches, [&](const Stretch& stretch) {
            return stretch.from < window.to && window.from < stretch.to + each.resolution;
        });
    });
}

std::string write_rollup_state(const RollupState& state) {
    std::string body;
    put_varint(body, state.classes.size());
    for (const auto& [text, whole_from] : state.classes) {
        put_text(body, text);
        put_signed(body, whole_from.ms);
    }
    put_varint(body, state.due.size());
    for (const auto& [resolution, stretches] : state.due) {
        put_varint(body, static_cast<std::uint64_t>(resolution.count()));
        put_varint(body, stretches.size());
        for (const Stretch& each : stretches) {
            put_signed(body, each.from.ms);
            put_signed(body, each.to.ms);
        }
    }
    std::string out(rollup_state_magic);
    put_fixed(out, static_cast<std::uint32_t>(body.size()));
    put_fixed(out, crc32c(body));
    return out + body;
}

Result<RollupState> read_rollup_state(std::string_view bytes) {
    const auto corrupt = [](const char* why) { return fail(Fault::Corrupt, why); };
    if (!bytes.starts_with(rollup_state_magic))
        return corrupt("its first bytes are not those of a state of roll-ups");
    ByteReader head(bytes.substr(rollup_state_magic.size()));
    const auto length = head.fixed<std::uint32_t>();
    const auto sum = head.fixed<std::uint32_t>();
    if (!head.ok() || head.left() != length) return corrupt("it is not as long as it says");
    const std::string_view body = bytes.substr(bytes.size() - length);
    if (crc32c(body) != sum) return corrupt("it does not match its checksum");
    ByteReader in(body);
    RollupState state;
    state.classes.resize(in.count(2));
    for (auto& [text, whole_from] : state.classes) {
        text = in.text();
        whole_from.ms = in.signed_varint();
    }
    state.due.resize(in.count(2));
    for (auto& [resolution, stretches] : state.due) {
        resolution = Milliseconds(in.varint());
        stretches.resize(in.count(2));
        for (Stretch& each : stretches) {
            each.from.ms = in.signed_varint();
            each.to.ms = in.signed_varint();
        }
    }
    if (!in.ok() || in.left() > 0 || state.classes.empty())
        return corrupt("it does not hold what its length says");
    return state;
}

}  // namespace vedette::store
