#include "store/blocks/deletions.h"

#include <fmt/format.h>

#include <algorithm>

#include "store/bytes.h"
#include "store/log/wal.h"

namespace vedette::store {
void join(std::vector<Window>& windows) {
    std::sort(windows.begin(), windows.end(),
              [](const Window& a, const Window& b) { return a.from < b.from; });
    std::vector<Window> joined;
    for (const Window& each : windows) {
        if (!joined.empty() && each.from <= joined.back().to)
            joined.back().to = std::max(joined.back().to, each.to);
        else
            joined.push_back(each);
    }
    windows = std::move(joined);
}

namespace {

/// Buckets that hold anything of the window begin in this one.
Window begins_in(Window window, Milliseconds resolution) {
    constexpr Timestamp far{std::int64_t{1} << 60};
    const Timestamp from = std::max(window.from, Timestamp{-far.ms});
    const Timestamp to = std::min(window.to, far);
    return {from - resolution, to - Milliseconds(1)};
}

}  // namespace

Result<std::shared_ptr<const Deletion>> Deletion::make(std::uint64_t through, Window window,
                                                       Selectors selectors, OfRollups rollups) {
    std::shared_ptr<Deletion> made(new Deletion());
    made->through_ = through;
    made->window_ = window;
    const std::size_t begin = begin_record(made->record_, RecordType::Deleted);
    put_varint(made->record_, through);
    put_signed(made->record_, window.from.ms);
    put_signed(made->record_, window.to.ms);
    put_varint(made->record_, selectors.size());
    for (const auto& selector : selectors) {
        put_varint(made->record_, selector.size());
        auto& ready = made->ready_.emplace_back();
        for (const Matcher& matcher : selector) {
            put_u8(made->record_, static_cast<std::uint8_t>(matcher.op));
            put_text(made->record_, matcher.name);
            put_text(made->record_, matcher.value);
            auto each = ReadyMatcher::make(matcher);
            if (!each) return fail(each.error());
            ready.push_back(std::move(*each));
        }
    }
    if (!rollups.empty()) {
        put_varint(made->record_, rollups.size());
        for (const auto& [resolution, number] : rollups) {
            put_varint(made->record_, static_cast<std::uint64_t>(resolution.count()));
            put_varint(made->record_, number);
        }
    }
    end_record(made->record_, begin);
    made->rollups_ = std::move(rollups);
    made->said_ = std::move(selectors);
    return made;
}

Result<std::shared_ptr<const Deletion>> Deletion::read(std::string_view payload) {
    ByteReader in(payload);
    const std::uint64_t through = in.varint();
    Window window;
    window.from.ms = in.signed_varint();
    window.to.ms = in.signed_varint();
    Selectors selectors(in.count());
    for (auto& selector : selectors) {
        selector.resize(in.count(3));
        for (Matcher& matcher : selector) {
            const std::uint8_t op = in.u8();
            if (op > static_cast<std::uint8_t>(Matcher::Op::NotMatch)) in.refuse();
            matcher.op = static_cast<Matcher::Op>(op);
            matcher.name = in.text();
            matcher.value = in.text();
        }
    }
    OfRollups rollups(in.left() > 0 ? in.count(2) : 0);
    for (auto& [resolution, number] : rollups) {
        resolution = Milliseconds(in.varint());
        number = in.varint();
    }
    if (!in.ok() || in.left() > 0)
        return fail(Fault::Corrupt, "a deleted record does not hold what its length says");
    auto made = make(through, window, std::move(selectors), std::move(rollups));
    if (!made) return fail(Fault::Corrupt, "a deleted record: " + made.error().message);
    return made;
}

std::shared_ptr<const Deletion> Deletion::of_rollup(Milliseconds resolution) const {
    // A record from before there were roll-ups concerns none.
    std::uint64_t through = 0;
    for (const auto& [each, number] : rollups_)
        if (each == resolution) through = number;
    // Its patterns were made ready once.
    return make(through, window_, said_).value();
}

bool Deletion::concerns(const BlockAbout& block) const {
    return block.number <= through_ && block.from <= window_.to && window_.from < block.to;
}

std::string Deletion::text() const {
    std::string out;
    for (const auto& selector : said_) {
        out += out.empty() ? "{" : ", {";
        for (const Matcher& matcher : selector) {
            if (!out.ends_with('{')) out += ',';
            out += to_string(matcher);
        }
        out += '}';
    }
    const auto time = [](Timestamp at) {
        constexpr std::int64_t shown_max = 253'402'300'799'999;  // the year 9999
        return at.ms < -shown_max || at.ms > shown_max ? std::to_string(at.ms) : format_rfc3339(at);
    };
    return fmt::format("{} after {} up to {}, in blocks up to {}", out, time(window_.from),
                       time(window_.to), through_);
}

std::shared_ptr<const DeletedSeries> deleted_from(const Block& block, const Deletion& deletion) {
    auto deleted = std::make_shared<DeletedSeries>();
    if (block.deleted() != nullptr) *deleted = *block.deleted();
    const Milliseconds resolution = block.about().resolution;
    const Window window = resolution > Milliseconds(0) ? begins_in(deletion.window(), resolution)
                                                       : deletion.window();
    for (const auto& selector : deletion.selectors())
        for (const SeriesNumber number : block.matching(selector, {})) {
            auto& windows = (*deleted)[number];
            windows.push_back(window);
            join(windows);
        }
    return deleted->empty() ? nullptr : deleted;
}

std::string write_deletions(const Deletions& deletions) {
    std::string out(deletions_magic);
    put_fixed(out, static_cast<std::uint32_t>(deletions.size()));
    for (const auto& each : deletions) out += each->record();
    return out;
}

DeletionsRead read_deletions(std::string_view bytes) {
    DeletionsRead out;
    constexpr std::size_t head_bytes = deletions_magic.size() + sizeof(std::uint32_t);
    if (bytes.size() < head_bytes || !bytes.starts_with(deletions_magic)) return out;
    out.promised = ByteReader(bytes.substr(deletions_magic.size())).fixed<std::uint32_t>();
    RecordReader reader(bytes, head_bytes);
    RecordReader::Record record;
    while (reader.next(record)) {
        if (record.type != RecordType::Deleted) continue;
        if (auto deletion = Deletion::read(record.payload))
            out.deletions.push_back(std::move(*deletion));
    }
    out.whole = reader.gaps().empty() && out.deletions.size() == out.promised;
    return out;
}

}  // namespace vedette::store
