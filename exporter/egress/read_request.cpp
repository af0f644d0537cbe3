#include <fmt/format.h>

#include "core/exchange_limits.h"
#include "core/wire.h"
#include "exporter/egress/remote_read.h"

namespace vedette::exporter {

namespace {

tl::unexpected<Error> bad(std::string_view where) {
    return fail(Fault::BadInput, fmt::format("the read request cannot be decoded: {}", where));
}

/// LabelMatcher {1 type, 2 name, 3 value}
Result<Matcher> read_matcher(std::string_view bytes) {
    Matcher matcher;
    WireReader in(bytes);
    while (in.next()) {
        if (in.number() == 1 && in.is_varint()) {
            if (in.as_unsigned() > 3)
                return bad(fmt::format("a matcher is of type {}", in.as_unsigned()));
            constexpr Matcher::Op ops[] = {Matcher::Op::Equal, Matcher::Op::NotEqual,
                                           Matcher::Op::Match, Matcher::Op::NotMatch};
            matcher.op = ops[in.as_unsigned()];
        }
        if (in.number() == 2 && in.is_bytes()) matcher.name = in.bytes();
        if (in.number() == 3 && in.is_bytes()) matcher.value = in.bytes();
    }
    if (in.bad()) return bad("a matcher is torn");
    if (!is_utf8(matcher.name) || !is_utf8(matcher.value)) return bad("a matcher is not UTF-8");
    return matcher;
}

/// Query {1 start_timestamp_ms, 2 end_timestamp_ms, 3 matchers, 4 hints}
Result<ReadRequest::Query> read_query(std::string_view bytes) {
    ReadRequest::Query query;
    WireReader in(bytes);
    while (in.next()) {
        if (in.number() == 1 && in.is_varint()) query.from = {in.as_signed()};
        if (in.number() == 2 && in.is_varint()) query.to = {in.as_signed()};
        if (in.number() == 3 && in.is_bytes()) {
            if (query.matchers.size() == limits::remote_read_matchers_max)
                return bad(fmt::format("a query has more than {} matchers",
                                       limits::remote_read_matchers_max));
            auto matcher = read_matcher(in.bytes());
            if (!matcher) return fail(matcher.error());
            query.matchers.push_back(std::move(*matcher));
        }
    }
    if (in.bad()) return bad("a query is torn");
    return query;
}

void take_answer(ReadRequest& request, std::uint64_t kind) {
    request.named_any = true;
    if (kind > 1 || request.accepted.size() >= 2) return;
    request.accepted.push_back(kind == 0 ? ReadRequest::Answer::Samples
                                         : ReadRequest::Answer::StreamedXorChunks);
}

}  // namespace

/// ReadRequest {1 queries, 2 accepted_response_types, packed or not}
Result<ReadRequest> read_read_request(std::string_view bytes) {
    ReadRequest request;
    WireReader in(bytes);
    while (in.next()) {
        if (in.number() == 1 && in.is_bytes()) {
            if (request.queries.size() == limits::remote_read_queries_max)
                return bad(fmt::format("more than {} queries", limits::remote_read_queries_max));
            auto query = read_query(in.bytes());
            if (!query) return fail(query.error());
            request.queries.push_back(std::move(*query));
        }
        if (in.number() == 2 && in.is_varint()) take_answer(request, in.as_unsigned());
        if (in.number() == 2 && in.is_bytes()) {
            WireReader packed(in.bytes());
            std::uint64_t kind = 0;
            while (!packed.at_end()) {
                if (!packed.varint(kind)) return bad("the accepted types are torn");
                take_answer(request, kind);
            }
        }
    }
    if (in.bad()) return bad("it is torn");
    return request;
}

}  // namespace vedette::exporter
