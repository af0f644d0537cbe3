#include <catch2/catch.hpp>
#include <cstdlib>
#include <string>

#include "base/http/proxy.h"

using namespace vedette;

namespace {

std::string proxy_of(const HttpSettings& settings, const std::string& url) {
    const auto proxy = proxy_for(settings, *parse_http_url(url));
    if (!proxy) return proxy.error().message;
    return *proxy ? (*proxy)->authority : "none";
}

}  // namespace

TEST_CASE("`no_proxy` names hosts, domains and networks", "[http_proxy]") {
    struct Row {
        const char *list, *url;
        bool without;
    };
    const auto row = GENERATE(values<Row>({
        {"", "http://shop.test", false},
        {"*", "http://shop.test", true},
        {"shop.test", "http://shop.test", true},
        {"shop.test", "http://a.shop.test", true},
        {"shop.test", "http://ashop.test", false},
        {".shop.test", "http://shop.test", false},
        {".shop.test", "http://a.shop.test", true},
        {"*.shop.test", "http://a.b.shop.test", true},
        {"*.shop.test", "http://shop.test", false},
        {"SHOP.test", "http://shop.TEST", true},
        {"shop.test:80", "http://shop.test", true},
        {"shop.test:81", "http://shop.test", false},
        {" a.test , shop.test ", "http://shop.test", true},
        {"10.1.2.3", "http://10.1.2.3", true},
        {"10.1.2.3:443", "https://10.1.2.3", true},
        {"10.1.2.3:444", "https://10.1.2.3", false},
        {"10.1.0.0/16", "http://10.1.2.3", true},
        {"10.1.0.0/16", "http://10.2.2.3", false},
        {"10.1.2.128/25", "http://10.1.2.127", false},
        {"0.0.0.0/0", "http://10.1.2.3", true},
        {"0.0.0.0/0", "http://[2001:db8::1]", false},
        {"10.1.0.0/16", "http://shop.test", false},
        {"10.1.0.0/x,10.1.0.0/129", "http://10.1.0.1", false},
        {"2001:db8::/32", "http://[2001:db8::1]", true},
        {"2001:db8::1", "http://[2001:db8:0::1]", true},
        {"[2001:db8::1]:80", "http://[2001:db8::1]", true},
        {"[2001:db8::1]:81", "http://[2001:db8::1]", false},
        {":,[,],.,*.", "http://shop.test", false},
    }));
    CAPTURE(row.list, row.url);
    CHECK(is_without_proxy(row.list, *parse_http_url(row.url)) == row.without);
}

TEST_CASE("a proxy is chosen by what is asked for", "[http_proxy]") {
    HttpSettings settings;
    CHECK(proxy_of(settings, "http://shop.test") == "none");
    settings.proxy_url = "http://p.test:3128";
    CHECK(proxy_of(settings, "http://shop.test") == "p.test:3128");
    // Somebody who writes `proxy_url` alone gets it for all, this machine included.
    CHECK(proxy_of(settings, "http://localhost") == "p.test:3128");
    settings.no_proxy = "a.test";
    CHECK(proxy_of(settings, "http://shop.test") == "p.test:3128");
    CHECK(proxy_of(settings, "http://b.a.test") == "none");
    CHECK(proxy_of(settings, "http://localhost") == "none");
    CHECK(proxy_of(settings, "http://127.0.0.9") == "none");
}

TEST_CASE("the environment's proxies count where they are asked for", "[http_proxy]") {
    ::setenv("HTTP_PROXY", "plain.test:3128", 1);
    ::setenv("https_proxy", "http://safe.test", 1);
    ::setenv("NO_PROXY", "a.test", 1);
    HttpSettings settings;
    CHECK(proxy_of(settings, "http://shop.test") == "none");
    settings.proxy_from_environment = true;
    CHECK(proxy_of(settings, "http://shop.test") == "plain.test:3128");
    CHECK(proxy_of(settings, "https://shop.test") == "safe.test");
    CHECK(proxy_of(settings, "https://a.test") == "none");
    CHECK(proxy_of(settings, "https://[::1]") == "none");
    ::setenv("HTTP_PROXY", "socks5://me:word@p.test", 1);
    CHECK(proxy_of(settings, "http://shop.test") ==
          "the proxy `socks5://<secret>@p.test` is no http:// URL");
    for (const char* name : {"HTTP_PROXY", "https_proxy", "NO_PROXY"}) ::unsetenv(name);
}
