#include "examples/simulator/inbox_page.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>

#include "examples/simulator/mrkdwn.h"

namespace vedette::simulator {

namespace {

using Json = nlohmann::json;

Message message(Message::Kind kind, std::string body) {
    Message out;
    out.kind = kind;
    out.body = std::move(body);
    return out;
}

bool contains(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("Slack's markup looks as in Slack", "[simulator]") {
    struct Row { const char* what; const char* text; const char* html; };
    const auto row = GENERATE(values<Row>({
        {"bold", "*checkout* is down", "<b>checkout</b> is down"},
        {"italic and struck", "_so_ ~not~", "<i>so</i> <s>not</s>"},
        {"nested", "*_both_*", "<b><i>both</i></b>"},
        {"code keeps its stars", "`a*b*`", "<code>a*b*</code>"},
        {"a star inside a word stays", "2*3*4", "2*3*4"},
        {"a lonely star stays", "* item", "* item"},
        {"an underscore in a name stays", "probe_success_now", "probe_success_now"},
        {"a mark does not cross lines", "*a\nb*", "*a<br>\nb*"},
        {"a link", "<https://x/?a=1&amp;b=2|page>", "<a href=\"https://x/?a=1&amp;b=2\" rel=\"noreferrer\">page</a>"},
        {"a link without a label", "<https://x>", "<a href=\"https://x\" rel=\"noreferrer\">https://x</a>"},
        {"no link to a script", "<javascript:alert(1)|page>", "page"},
        {"entities once", "a &lt;b&gt; &amp;amp;", "a &lt;b&gt; &amp;amp;"},
    }));
    CAPTURE(row.what);
    CHECK(mrkdwn_to_html(row.text) == row.html);
}

TEST_CASE("nothing in a message becomes markup of the page", "[simulator]") {
    const std::string evil = R"(<script>alert('x')</script>"'><img src=x onerror=y>)";
    const Json field = {{"title", evil}, {"value", evil}};
    const Json attachment = {{"color", "red;x:url(y)"}, {"title", evil}, {"title_link", "javascript:x"},
                             {"text", evil}, {"pretext", evil}, {"footer", evil}, {"fields", {field}}};
    const std::string slack = Json{{"text", evil}, {"attachments", {attachment}}}.dump();
    const Json alert = {{"status", evil}, {"labels", {{"alertname", evil}, {"x", evil}}}, {"annotations", {{"summary", evil}}}};
    const std::string hook = Json{{"alerts", {alert}}}.dump();
    const std::string mail = "Subject: " + evil + "\r\nFrom: " + evil + "\r\n\r\n" + evil;
    for (const Message& one : {message(Message::Kind::Slack, slack), message(Message::Kind::Webhook, hook),
                               message(Message::Kind::Mail, mail), message(Message::Kind::Slack, evil)}) {
        const std::string html = message_html(one, {});
        CHECK(contains(html, "&lt;script&gt;"));
        CHECK_FALSE(contains(html, "<script"));
        CHECK_FALSE(contains(html, "<img"));
        CHECK_FALSE(contains(html, "href=\"javascript"));
        CHECK_FALSE(contains(html, "style=\"border-color:red"));
    }
}

TEST_CASE("JSON of the wrong shape is shown as it came", "[simulator]") {
    for (const char* body : {"null", "[]", "3", R"({"text":5,"attachments":[1,{"fields":[2]}]})", R"({"alerts":[null,3,{"labels":4}]})", "{"}) {
        CAPTURE(body);
        CHECK(contains(message_html(message(Message::Kind::Slack, body), {}), "<article>"));
        CHECK(contains(message_html(message(Message::Kind::Webhook, body), {}), "<article>"));
    }
}

TEST_CASE("an attachment has the colour of its bar", "[simulator]") {
    const auto bar = [](const std::string& colour) {
        return message_html(message(Message::Kind::Slack, R"({"attachments":[{"color":")" + colour + R"("}]})"), {});
    };
    CHECK(contains(bar("danger"), "<div class=\"bar danger\">"));
    CHECK(contains(bar("#36a64f"), "<div class=\"bar\" style=\"border-color:#36a64f\">"));
    CHECK(contains(bar("#36a64"), "<div class=\"bar\">"));
}

TEST_CASE("a refused message says so", "[simulator]") {
    Message refused = message(Message::Kind::Slack, "{}");
    refused.answered = 429;
    CHECK(contains(message_html(refused, {}), "was answered 429"));
}

}  // namespace vedette::simulator
