#include "examples/simulator/mail.h"

#include <catch2/catch.hpp>
#include <string>

namespace vedette::simulator {

TEST_CASE("the text part of a mail is read, whatever its coding", "[simulator]") {
    const MailView mail = read_mail(
        "From: Vedette <v@x>\r\nTo: ops@x,\r\n  b@x\r\nSubject: =?utf-8?Q?down_=C2=B7?=\r\n =?utf-8?B?IDQgbWlu?=\r\n"
        "Content-Type: multipart/alternative; boundary=\"b 1\"\r\n\r\npreamble\r\n"
        "--b 1\r\nContent-Type: text/html\r\n\r\n<b>no</b>\r\n"
        "--b 1\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        "4=C2=A0min and a long =\r\nline\r\n--b 1--\r\n");
    CHECK(mail.from == "Vedette <v@x>");
    CHECK(mail.to == "ops@x, b@x");
    CHECK(mail.subject == "down · 4 min");
    CHECK(mail.text == "4\u00a0min and a long line");
}

TEST_CASE("without a text/plain part another text is shown, without any none", "[simulator]") {
    CHECK(read_mail("Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\nPGI+aGk8L2I+\r\n").text == "<b>hi</b>");
    CHECK(read_mail("Content-Type: image/png\r\n\r\nabc").text.empty());
    CHECK(read_mail("Subject: x\n\nbare line ends\n").text == "bare line ends");
}

TEST_CASE("a broken mail is shown as far as it goes", "[simulator]") {
    CHECK(read_mail("").text.empty());
    CHECK(read_mail("no header at all").text.empty());
    CHECK(read_mail("Content-Type: multipart/mixed; boundary=x\r\n\r\n--x").text.empty());
    CHECK(decode_words("=?utf-8?Q?open") == "=?utf-8?Q?open");
    CHECK(decode_words("a =?utf-8?X") == "a =?utf-8?X");
    CHECK(decode_words("100=3D =?utf-8?Q?a=3Db=?=") == "100=3D a=b=");
    CHECK(read_mail("\r\n\xff\xc3 \xed\xa0\x80").text == "\uFFFD\uFFFD \uFFFD\uFFFD\uFFFD");
}

TEST_CASE("every beginning of a mail can be read", "[simulator]") {
    const std::string whole = "Subject: =?utf-8?B?IDQ=?=\r\nContent-Type: multipart/mixed; boundary=\"x\"\r\n\r\n--x\r\n\r\na=C2\r\n--x--\r\n";
    for (std::size_t size = 0; size <= whole.size(); ++size) {
        const MailView mail = read_mail(std::string_view(whole).substr(0, size));
        CHECK(mail.text.size() <= whole.size());
    }
}

}  // namespace vedette::simulator
