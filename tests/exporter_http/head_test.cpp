#include "exporter/http/head.h"

#include <catch2/catch.hpp>

using namespace vedette::http;

namespace {

constexpr std::string_view sample =
    "\r\nPOST /a%20b?x=1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nX-Empty:\r\n\r\n";

}  // namespace

TEST_CASE("the end of a head is found however it is cut") {
    for (std::size_t step = 1; step <= sample.size(); ++step) {
        HeadScanner scanner({100, 1000, 10});
        for (std::size_t end = 0; end < sample.size() && !scanner.complete();) {
            end = std::min(end + step, sample.size());
            REQUIRE_FALSE(scanner.scan(sample.substr(0, end)));
        }
        REQUIRE(scanner.complete());
        CHECK(scanner.size() == sample.size());
        CHECK(scanner.leading() == 2);
    }
}

TEST_CASE("a head is taken apart into views") {
    const auto parsed = parse_head(sample.substr(2));
    REQUIRE(std::holds_alternative<Head>(parsed));
    const Head& head = std::get<Head>(parsed);
    CHECK(head.method == "POST");
    CHECK(head.path == "/a%20b");
    CHECK(head.query == "x=1");
    CHECK(head.header("CONTENT-LENGTH") == "5");
    CHECK(head.header("x-empty").empty());
    CHECK(head.framing == Framing::Length);
    CHECK(head.length == 5);
    CHECK(head.keep_alive);
}

TEST_CASE("a request line is what it should be or is refused") {
    struct Row {
        const char* line;
        int status;
    };
    const auto row = GENERATE(values<Row>({
        {"GET / HTTP/1.1", 0},
        {"GET /?a b HTTP/1.1", 400},
        {"GET  / HTTP/1.1", 400},
        {"GET http://localhost/ HTTP/1.1", 400},
        {"GET * HTTP/1.1", 400},
        {"GET /#x HTTP/1.1", 400},
        {"GET /", 400},
        {"GET / HTTP/1.1 ", 400},
        {"GET / HTTP/2.0", 505},
        {"GET / http/1.1", 400},
        {"CONNECT /x HTTP/1.1", 501},
        {"G\"T / HTTP/1.1", 400},
    }));
    CAPTURE(row.line);
    const auto parsed = parse_head(std::string(row.line) + "\r\nHost: a\r\n\r\n");
    const auto* refusal = std::get_if<Refusal>(&parsed);
    CHECK((refusal == nullptr ? 0 : refusal->status) == row.status);
}

TEST_CASE("escapes are undone once, and broken ones are seen") {
    CHECK(percent_decoded("a%2fb%252f", false) == "a/b%2f");
    CHECK(percent_decoded("a+b", true) == "a b");
    CHECK(percent_decoded("a+b", false) == "a+b");
    CHECK_FALSE(percent_decoded("%", false));
    CHECK_FALSE(percent_decoded("%4", false));
    CHECK_FALSE(percent_decoded("%zz", false));
    CHECK_FALSE(percent_decoded("%00", false));
}

TEST_CASE("a form keeps its order and its repeated names, and leaves out broken escapes") {
    const auto fields = parse_form("match[]=a%3D1&match%5B%5D=b&&c&=d&x=%zz");
    REQUIRE(fields.size() == 4);
    CHECK(fields[0] == std::pair<std::string, std::string>("match[]", "a=1"));
    CHECK(fields[1] == std::pair<std::string, std::string>("match[]", "b"));
    CHECK(fields[2] == std::pair<std::string, std::string>("c", ""));
    CHECK(fields[3] == std::pair<std::string, std::string>("", "d"));
}

TEST_CASE("a listed word is a whole word") {
    CHECK(lists_word("keep-alive, Close", "close"));
    CHECK_FALSE(lists_word("closed", "close"));
    CHECK_FALSE(lists_word("", "close"));
}
