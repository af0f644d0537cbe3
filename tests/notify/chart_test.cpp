// The picture in a mail, and the mail around it.
#include "notify/words/chart.h"

#include <zlib.h>

#include <catch2/catch.hpp>
#include <cmath>

#include "notify/senders/sender.h"
#include "notify/words/png.h"
#include "tests/notify/desk.h"

using namespace vedette;
using namespace vedette::notify;

namespace {

History day() {
    History out;
    out.comparison = "<";
    out.threshold = 0.5;
    for (int i = 0; i < 48; ++i)
        out.points.emplace_back(Timestamp{1'795'165'200'000 + i * 300'000}, i < 30 ? 1.0 : i == 35 ? NAN : 0.2);
    return out;
}

std::uint32_t number_at(const std::string& bytes, std::size_t at) {
    std::uint32_t out = 0;
    for (std::size_t i = 0; i < 4; ++i) out = out << 8 | static_cast<unsigned char>(bytes.at(at + i));
    return out;
}

}  // namespace

TEST_CASE("a picture is a PNG whose pieces are whole", "[notify][chart]") {
    const auto png = draw_chart(day(), nullptr);
    REQUIRE(png);
    CHECK(png->substr(0, 8) == "\x89PNG\r\n\x1a\n");
    std::string kinds, packed;
    for (std::size_t at = 8; at < png->size();) {
        const std::size_t size = number_at(*png, at);
        const std::string body = png->substr(at + 4, size + 4);
        CHECK(number_at(*png, at + 8 + size) ==
              crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size())));
        kinds += body.substr(0, 4) + " ";
        if (body.starts_with("IDAT")) packed = body.substr(4);
        at += size + 12;
    }
    CHECK(kinds == "IHDR PLTE IDAT IEND ");
    std::string rows(221 * 1024, '\0');
    uLongf size = rows.size();
    REQUIRE(uncompress(reinterpret_cast<Bytef*>(rows.data()), &size, reinterpret_cast<const Bytef*>(packed.data()),
                       packed.size()) == Z_OK);
    CHECK(size == 220 * 641);
    CHECK(png->size() < 8'000);
}

TEST_CASE("a chart of nothing is none", "[notify][chart]") {
    History history;
    CHECK_FALSE(draw_chart(history, nullptr));
    history.points = {{Timestamp{1}, NAN}, {Timestamp{2}, 1}};
    CHECK_FALSE(draw_chart(history, nullptr));
    history.points = {{Timestamp{1}, 1}, {Timestamp{1}, 1}, {Timestamp{2}, INFINITY}};
    CHECK(draw_chart(history, nullptr));
}

TEST_CASE("what is drawn beyond the edge is not there", "[notify][chart]") {
    Picture picture(4, 3, {});
    picture.line(-5, -5, 10, 10, 1, 2);
    picture.box(-1, 2, 9, 9, 2);
    picture.text(-3, -3, "8e%", 3);
    CHECK(picture.at(0, 2) == 2);
    CHECK(picture.at(3, 2) == 2);
}

TEST_CASE("a mail carries its chart inside, beside both texts", "[notify][chart]") {
    EmailSettings email;
    email.to = {"ops@shop.example"};
    email.from = "vedette@shop.example";
    Message message;
    message.receiver = "team";
    message.group_key = "{}:{}";
    message.alerts = {std::make_shared<const Alert>(make_alert("a", AlertState::Firing, {1'795'165'200'000}))};
    message.at = message.decided = {1'795'165'200'000};
    message.histories[message.alerts[0]->id.fingerprint] = std::make_shared<const History>(day());
    const auto text = email_text(email, message, **Templates::make(one_route()));
    REQUIRE(text);
    std::string structure;
    for (std::size_t at = 0; (at = text->find("Content-Type: ", at)) != text->npos; ++at)
        structure += text->substr(at + 14, text->find(';', at) - at - 14) + " ";
    CHECK(structure == "multipart/alternative text/plain multipart/related text/html image/png ");
    CHECK(text->find("Content-ID: <chart>\r\n") != text->npos);
    email.html_off = true;
    const auto plain = email_text(email, message, **Templates::make(one_route()));
    CHECK(plain->find("image/png") == plain->npos);
}
