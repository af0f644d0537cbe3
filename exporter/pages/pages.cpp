#include "exporter/pages/pages.h"

#include <string_view>

extern "C" {
extern const char vedette_page_index_html[], vedette_page_index_html_end[];
extern const char vedette_page_app_js[], vedette_page_app_js_end[];
extern const char vedette_page_app_css[], vedette_page_app_css_end[];
extern const char vedette_page_favicon_svg[], vedette_page_favicon_svg_end[];
}

namespace vedette::exporter {

namespace {

Route page(std::string_view path, std::string_view type, const char* begin, const char* end) {
    const std::string_view bytes(begin, static_cast<std::size_t>(end - begin));
    Response response;
    response.content_type = type;
    response.fixed_body = bytes;
    response.headers = {
        {"Content-Encoding", "gzip"},
        // Asked for anew each time, answered with 304: a new version is seen at once.
        {"Cache-Control", "no-cache"},
        {"Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'; base-uri 'none'"},
        {"X-Content-Type-Options", "nosniff"},
        {"Referrer-Policy", "same-origin"},
    };
    return {.method = "GET",
            .path = std::string(path),
            .role = Role::Nobody,
            .group = PathGroup::Pages,
            .weight = Weight::Inline,
            .answer = [response](const Request&) { return response; }};
}

}  // namespace

std::vector<Route> page_routes() {
    constexpr std::string_view html = "text/html; charset=utf-8",
                               script = "text/javascript; charset=utf-8",
                               style = "text/css; charset=utf-8";
    return {page("/", html, vedette_page_index_html, vedette_page_index_html_end),
            page("/graph", html, vedette_page_index_html, vedette_page_index_html_end),
            page("/status/cardinality", html, vedette_page_index_html,
                 vedette_page_index_html_end),
            page("/pages/app.js", script, vedette_page_app_js, vedette_page_app_js_end),
            page("/pages/app.css", style, vedette_page_app_css, vedette_page_app_css_end),
            page("/pages/favicon.svg", "image/svg+xml", vedette_page_favicon_svg,
                 vedette_page_favicon_svg_end)};
}

}  // namespace vedette::exporter
