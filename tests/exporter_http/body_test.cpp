#include "exporter/http/body.h"

#include <catch2/catch.hpp>

using namespace vedette::http;

namespace {

Head head_of(const std::string& bytes) {
    return std::get<Head>(parse_head(bytes));
}

}  // namespace

TEST_CASE("a chunked body is the same however it is cut") {
    constexpr std::string_view sent = "3\r\nabc\r\nA\r\n0123456789\r\n00\r\n\r\nGET /";
    for (std::size_t step = 1; step <= sent.size(); ++step) {
        ChunkedReader reader;
        std::string out;
        std::size_t read = 0;
        while (!reader.done()) {
            std::string_view piece = sent.substr(read, step);
            const std::size_t before = piece.size();
            REQUIRE_FALSE(reader.read(piece, out, 100));
            read += before - piece.size();
        }
        CHECK(out == "abc0123456789");
        CHECK(sent.substr(read) == "GET /");
    }
}

TEST_CASE("a chunked body stops at its limit, not at its end") {
    ChunkedReader reader;
    std::string out;
    const std::string sent = "ffffffff\r\n" + std::string(1000, 'x');
    std::string_view bytes = sent;
    REQUIRE_FALSE(reader.read(bytes, out, 10));
    CHECK(out.size() == 1000);
    std::string_view more = sent;
    REQUIRE_FALSE(reader.read(more, out, 10));
    CHECK(out.size() == 1000);
    CHECK(more.size() == sent.size());
}

TEST_CASE("what gzip packs the inflater unpacks, members one behind the other too") {
    const std::string text(100'000, 't');
    const std::string packed = gzipped(text);
    CHECK(packed.size() < 1000);
    for (const std::size_t step : {std::size_t{1}, std::size_t{7}, packed.size() * 2}) {
        Inflater inflater;
        std::string out;
        const std::string two = packed + packed;
        for (std::size_t at = 0; at < two.size(); at += step) {
            REQUIRE_FALSE(inflater.feed(std::string_view(two).substr(at, step), out, 300'000));
        }
        CHECK(inflater.finished());
        CHECK(out == text + text);
    }
}

TEST_CASE("an inflater never makes more than it may") {
    const std::string packed = gzipped(std::string(100'000, 't'));
    Inflater inflater;
    std::string out;
    const auto refusal = inflater.feed(packed, out, 50'000);
    REQUIRE(refusal);
    CHECK(refusal->status == 413);
    CHECK(out.size() <= 50'000);
}

TEST_CASE("a body reader leaves what belongs to the next request") {
    auto opened =
        BodyReader::open(head_of("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n"), 10);
    auto& reader = std::get<BodyReader>(opened);
    CHECK_FALSE(reader.done());
    std::string_view bytes = "abcGET /";
    REQUIRE_FALSE(reader.read(bytes));
    CHECK(reader.done());
    CHECK(reader.take() == "abc");
    CHECK(bytes == "GET /");
}

TEST_CASE("a length beyond the limit is refused before a byte is read") {
    const auto opened =
        BodyReader::open(head_of("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n"), 10);
    REQUIRE(std::holds_alternative<Refusal>(opened));
    CHECK(std::get<Refusal>(opened).text == "the body is larger than 10 bytes");
}
