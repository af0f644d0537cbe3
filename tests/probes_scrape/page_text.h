#pragma once

#include <fmt/format.h>

#include <string>

#include "core/histogram.h"
#include "probes/scrape/page/reader.h"

namespace vedette::scrape {

/// All of a page as lines, or the error.
inline std::string text_of(PageSource& reader, PageFormat format) {
    std::string out;
    while (true) {
        const auto item = reader.next();
        if (!item) return item.error().message;
        if (item->kind == PageItem::Kind::End) return out;
        if (item->kind == PageItem::Kind::Comment) {
            const auto comment = read_comment(item->text, format);
            if (!comment) return comment.error().message;
            out += "# " + comment->metric + "|" + comment->text + "\n";
            continue;
        }
        const auto labels = read_series(item->text);
        if (!labels) return reader.error(labels.error().message).message;
        out += to_string(*labels) + " " +
               (item->histogram ? to_string(*item->histogram) : format_value(item->value));
        if (item->at) out += fmt::format(" @{}", item->at->ms);
        if (item->created) out += fmt::format(" since {}", item->created->ms);
        for (const PageExemplar& each : item->exemplars) {
            out += fmt::format(" # {} {}", each.labels, each.value);
            if (each.at) out += fmt::format(" @{}", each.at->ms);
        }
        out += "\n";
    }
}

}  // namespace vedette::scrape
