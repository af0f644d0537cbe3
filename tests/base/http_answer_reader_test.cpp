#include "base/http/answer_reader.h"

#include <catch2/catch.hpp>
#include <string>

#include "core/limits.h"

using namespace vedette;
using namespace std::string_literals;

namespace {

using Wish = HttpAnswerReader::Wish;

/// What came of an answer, in one line: `complete 200 1.1 [hello] of 5`, `open 200 …`, or why not.
std::string summary(const HttpAnswer& answer, const HttpAnswerReader& reader, bool open) {
    if (!open && !reader.complete()) return reader.error().message;
    std::string out = open ? "open" : "complete";
    out += " " + std::to_string(answer.status) + " " + answer.version + " [" + answer.body + "]";
    if (answer.content_length) out += " of " + std::to_string(*answer.content_length);
    if (answer.body_cut) out += " cut";
    if (!reader.redirect().empty()) out += " to " + reader.redirect();
    for (const auto& [name, value] : answer.headers)
        if (name != "content-length" && name != "transfer-encoding" && name != "location")
            out += " " + name + "=" + value;
    return out;
}

/// Reads the answer in pieces of so many bytes; the other side closes after them.
std::string read(const std::string& bytes, std::size_t piece, Wish wish = {}) {
    if (wish.body_bytes_max == 0) wish.body_bytes_max = 1000;
    HttpAnswer answer;
    HttpAnswerReader reader(answer);
    reader.begin(wish);
    bool open = true;
    for (std::size_t at = 0; open && at < bytes.size(); at += piece)
        open = reader.take(std::string_view(bytes).substr(at, piece));
    if (open) reader.end();
    return summary(answer, reader, false);
}

const std::string ok = "HTTP/1.1 200 OK\r\n";
const std::string chunked = ok + "Transfer-Encoding: chunked\r\n\r\n";

}  // namespace

TEST_CASE("an answer is read to its end, in whatever pieces it comes", "[http_answer_reader]") {
    struct Row {
        const char* what;
        std::string bytes;
        std::string expected;
    };
    const auto row = GENERATE(values<Row>({
        {"a length", ok + "Content-Length: 5\r\nX: a \r\n\r\nhello",
         "complete 200 1.1 [hello] of 5 x=a"},
        {"bytes after the end are nobody's", ok + "Content-Length: 2\r\n\r\nhello",
         "complete 200 1.1 [he] of 2"},
        {"no body", ok + "Content-Length: 0\r\n\r\n", "complete 200 1.1 [] of 0"},
        {"until the other side closes", ok + "\r\nhello", "complete 200 1.1 [hello]"},
        {"an old server", "HTTP/1.0 200 OK\r\n\r\nhello", "complete 200 1.0 [hello]"},
        {"lines that end with a bare line feed", "HTTP/1.1 200 OK\nContent-Length: 2\nA: b\n\nhi",
         "complete 200 1.1 [hi] of 2 a=b"},
        {"no words after the status", "HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n",
         "complete 404 1.1 [] of 0"},
        {"chunks", chunked + "5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", "complete 200 1.1 [hello!]"},
        {"chunks with extensions, zeros and capitals",
         chunked + "00A;a=\"b\"\r\n0123456789\r\n0000;x\r\n\r\n", "complete 200 1.1 [0123456789]"},
        {"chunks and trailers",
         chunked + "1\r\nx\r\n0\r\nChecksum: 1\r\nHTTP/1.1 999 no head\r\n\r\n",
         "complete 200 1.1 [x]"},
        {"chunk ends with a bare line feed", chunked + "1\nx\n0\n\n", "complete 200 1.1 [x]"},
        {"chunks beat a length",
         ok + "Content-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
         "complete 200 1.1 [hi] of 99"},
        {"a continue comes first",
         "HTTP/1.1 100 Continue\r\nA: b\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ok +
             "Content-Length: 2\r\n\r\nhi",
         "complete 200 1.1 [hi] of 2"},
        {"204 has no body", "HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n",
         "complete 204 1.1 [] of 9"},
        {"304 has no body", "HTTP/1.1 304 Same\r\nTransfer-Encoding: chunked\r\n\r\n",
         "complete 304 1.1 []"},
        {"a redirect is complete with its head",
         "HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 9\r\n\r\n",
         "complete 302 1.1 [] of 9 to /x"},
        {"a folded header", ok + "A: b\r\n  c\r\nContent-Length: 0\r\n\r\n",
         "complete 200 1.1 [] of 0 a=b c"},
        {"a folded line of blanks ends no head", ok + "A: b\r\n \t\r\nContent-Length: 0\r\n\r\n",
         "complete 200 1.1 [] of 0 a=b "},
        {"the same length twice", ok + "Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi",
         "complete 200 1.1 [hi] of 2"},
    }));
    CAPTURE(row.what);
    for (const std::size_t piece :
         {std::size_t{1}, std::size_t{2}, std::size_t{7}, row.bytes.size()}) {
        CAPTURE(piece);
        CHECK(read(row.bytes, piece) == row.expected);
    }
}

TEST_CASE("an answer that is none is told from one that is cut", "[http_answer_reader]") {
    struct Row {
        const char* what;
        std::string bytes;
        std::string expected;
    };
    const auto row = GENERATE(values<Row>({
        {"nothing", "", "connection closed without an answer"},
        {"half a status line", "HTTP/1.1 20", "connection closed without an answer"},
        {"another protocol", "SSH-2.0-OpenSSH_9.2\r\n", "the answer is not HTTP"},
        {"another protocol, without an end", "220 mail", "the answer is not HTTP"},
        {"a version nobody has", "HTTP/4.1 200 OK\r\n\r\n", "the answer is not HTTP"},
        {"a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n", "the answer is not HTTP"},
        {"a status below 100", "HTTP/1.1 099 OK\r\n\r\n", "the answer is not HTTP"},
        {"a status that is no number", "HTTP/1.1 ok\r\n\r\n", "the answer is not HTTP"},
        {"an empty line first", "\r\n" + ok + "\r\n", "the answer is not HTTP"},
        {"a header without a colon", ok + "What\r\n\r\n", "the answer is not HTTP"},
        {"a zero byte in a header", ok + "A: b\0c\r\n\r\n"s, "the answer is not HTTP"},
        {"only a continue", "HTTP/1.1 100 Continue\r\n\r\n",
         "connection closed in the middle of the answer's head"},
        {"a length that is no number", ok + "Content-Length: 9 bytes\r\n\r\n",
         "the answer's Content-Length is no number"},
        {"a length below zero", ok + "Content-Length: -1\r\n\r\n",
         "the answer's Content-Length is no number"},
        {"a length that no computer has", ok + "Content-Length: 99999999999999999999\r\n\r\n",
         "the answer's Content-Length is no number"},
        {"two lengths", ok + "Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi!",
         "the answer has two different lengths"},
        {"no size", chunked + "\r\nhello\r\n", "the answer's chunks are broken"},
        {"a size that is none", chunked + "x\r\nhello\r\n", "the answer's chunks are broken"},
        {"a size below zero", chunked + "-5\r\nhello\r\n", "the answer's chunks are broken"},
        {"a size that no computer has", chunked + "fffffffffffffffff\r\n",
         "the answer's chunks are broken"},
        {"a size that overflows", chunked + "ffffffffffffffff\r\n",
         "the answer's chunks are broken"},
        {"more than the size says", chunked + "2\r\nhello\r\n", "the answer's chunks are broken"},
        {"an extension without end", chunked + "2;" + std::string(2000, 'x'),
         "the answer's chunks are broken"},
        {"trailers without end", chunked + "0\r\nA: " + std::string(70'000, 'x'),
         "the answer's head is larger than 64 KiB"},
        {"a head without end", ok + "A: " + std::string(70'000, 'x'),
         "the answer's head is larger than 64 KiB"},
        {"a status line without end", "HTTP/1.1 200 " + std::string(70'000, 'x'),
         "the answer's head is larger than 64 KiB"},
    }));
    CAPTURE(row.what);
    for (const std::size_t piece : {std::size_t{1}, std::size_t{5}, row.bytes.size() + 1}) {
        CAPTURE(piece);
        CHECK(read(row.bytes, piece) == row.expected);
    }
}

TEST_CASE("an answer cut anywhere says how far it came", "[http_answer_reader]") {
    const auto [bytes, is_chunked] =
        GENERATE(table<std::string, bool>({{ok + "Content-Length: 5\r\n\r\nhello", false},
                                           {chunked + "5\r\nhello\r\n0\r\nA: b\r\n\r\n", true}}));
    const std::size_t body = bytes.find("\r\n\r\n") + 4;
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
        const std::string got = read(bytes.substr(0, cut), 3);
        CAPTURE(cut, got);
        if (cut < ok.size()) {
            CHECK(got == "connection closed without an answer");
        } else if (cut < body) {
            CHECK(got == "connection closed in the middle of the answer's head");
        } else if (is_chunked) {
            const std::size_t data = std::min<std::size_t>(cut < body + 3 ? 0 : cut - body - 3, 5);
            CHECK(got == "body cut after " + std::to_string(data) + " bytes");
        } else {
            CHECK(got == "body cut: " + std::to_string(cut - body) + " of 5 bytes came");
        }
    }
}

TEST_CASE("what was asked for decides how much is read", "[http_answer_reader]") {
    const std::string five = ok + "Content-Length: 5\r\n\r\nhello";
    CHECK(read(ok + "Content-Length: 5\r\n\r\n", 9, {.head_only = true}) ==
          "complete 200 1.1 [] of 5");
    CHECK(read(five, 9, {.body_bytes_max = 4}) == "complete 200 1.1 [hell] of 5 cut");
    CHECK(read(five, 9, {.body_bytes_max = 5}) == "complete 200 1.1 [hello] of 5");
    CHECK(read(five, 9, {.keep_body = false}) == "complete 200 1.1 [] of 5");
    CHECK(read(chunked + "ffffff\r\nhello", 9, {.body_bytes_max = 4}) ==
          "complete 200 1.1 [hell] cut");
    CHECK(read(ok + "\r\nhello", 9, {.body_bytes_max = 4}) == "complete 200 1.1 [hell] cut");
    const std::string moved = "HTTP/1.1 301 Moved\r\nLocation: /x\r\nContent-Length: 2\r\n\r\nhi";
    CHECK(read(moved, 9, {.follow = false}) == "complete 301 1.1 [hi] of 2");
}

TEST_CASE("a head of many small lines is cut at its limit", "[http_answer_reader]") {
    std::string bytes = ok;
    while (bytes.size() < limits::answer_header_bytes_max - 10) bytes += "A: b\r\n";
    CHECK(read(bytes + "\r\n", 100).substr(0, 8) == "complete");
    CHECK(read(bytes + bytes, 100) == "the answer's head is larger than 64 KiB");
}
