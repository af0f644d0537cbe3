#include "probes/http/transcript.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "core/labels.h"

namespace vedette::probes {
namespace {

void write_header(std::string& out, char direction, std::string_view name, std::string_view value) {
    std::string shown(value);
    if (holds_credentials(name))
        shown = "<secret>";
    else if (!is_utf8(value))
        shown = quote(value);
    out += fmt::format("{} {}: {}\n", direction, name, shown);
}

void write_request(std::string& out, const HttpProbeSettings& settings, const std::string& url) {
    out += fmt::format("> {} {}\n", settings.method, redact_url(url));
    for (const Header& header : settings.headers)
        write_header(out, '>', header.first, header.second);
    for (const auto& header : settings.client->headers)
        out += fmt::format("> {}: <secret>\n", header.first);
    if (settings.client->basic_auth || settings.client->authorization.is_set())
        out += "> authorization: <secret>\n";
    if (!settings.body.empty()) out += fmt::format("> ({} bytes of body)\n", settings.body.size());
}

void write_phases(std::string& out, const std::vector<Phase>& phases) {
    if (phases.empty()) return;
    std::string_view before = "* ";
    for (const Phase& phase : phases) {
        const double ms = std::chrono::duration<double, std::milli>(phase.took).count();
        out += fmt::format("{}{} {:.3f} ms", before, phase.name, ms);
        before = ", ";
    }
    out += '\n';
}

void write_tls(std::string& out, const std::optional<TlsFacts>& tls) {
    if (!tls) return;
    out += fmt::format("* {}, {}\n* certificate of {}, issued by {}, valid until {}\n",
                       tls->version, tls->cipher, tls->leaf_subject, tls->leaf_issuer,
                       format_rfc3339(tls->leaf_not_after));
}

/// A body is shown when it is text: what a terminal or a page can show without harm.
void write_body(std::string& out, const HttpAnswer& answer, const Hidden& hidden) {
    constexpr std::size_t shown_max = 4096;
    if (answer.body.empty()) return;
    const std::string first = hidden.in_first(answer.body, shown_max);
    std::string_view text = first;
    // A character cut in two at the end does not make a text unreadable.
    for (int cut = 0; cut < 4 && !is_utf8(text) && text.size() > 1; ++cut) text.remove_suffix(1);
    const bool is_text =
        is_utf8(text) && std::all_of(text.begin(), text.end(), [](unsigned char c) {
            return c >= ' ' || c == '\n' || c == '\t' || c == '\r';
        });
    if (!is_text) {
        out += fmt::format("\n({} bytes that are no text)\n", answer.body_bytes);
        return;
    }
    out += fmt::format("\n{}\n", text);
    if (answer.body_bytes > shown_max) out += fmt::format("({} bytes in all)\n", answer.body_bytes);
}

std::string base64(std::string_view bytes) {
    constexpr std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
        unsigned group = 0;
        for (std::size_t k = 0; k < 3; ++k)
            group = group << 8 | (k < count ? static_cast<unsigned char>(bytes[i + k]) : 0U);
        for (std::size_t k = 0; k < 4; ++k)
            out += k <= count ? alphabet[group >> (18 - 6 * k) & 63] : '=';
    }
    return out;
}

}  // namespace

bool holds_credentials(std::string_view header) {
    std::string name(header);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    constexpr std::array<std::string_view, 8> words = {
        "auth", "cookie", "token", "key", "secret", "password", "session", "signature"};
    return std::any_of(words.begin(), words.end(),
                       [&](std::string_view word) { return name.find(word) != std::string::npos; });
}

std::string http_transcript(const HttpProbeSettings& settings, const std::string& url,
                            const HttpOutcome& outcome, const Hidden& hidden) {
    std::string out;
    write_request(out, settings, url);
    const std::string& address = outcome ? outcome->address : outcome.error().address;
    if (!address.empty()) out += fmt::format("* address {}\n", address);
    write_phases(out, outcome ? outcome->phases : outcome.error().phases);
    write_tls(out, outcome ? outcome->tls : outcome.error().tls);
    if (!outcome) {
        out += fmt::format("* failed in {}: {}\n", outcome.error().phase,
                           outcome.error().error.message);
    } else {
        if (outcome->redirects > 0)
            out += fmt::format("* redirected {} times, to {}\n", outcome->redirects,
                               redact_url(outcome->final_url));
        out += fmt::format("< HTTP/{} {}\n", outcome->version, outcome->status);
        for (const Header& header : outcome->headers)
            write_header(out, '<', header.first, header.second);
        write_body(out, *outcome, hidden);
    }
    out = hidden.in(std::move(out));
    if (out.size() > limits::transcript_bytes_max) {
        constexpr std::string_view cut = "\n(cut)\n";
        out.resize(limits::transcript_bytes_max - cut.size());
        while (!out.empty() && !is_utf8(out)) out.pop_back();
        out += cut;
    }
    return out;
}

Hidden::Hidden(const HttpProbeSettings& settings) {
    const HttpSettings& client = *settings.client;
    if (client.basic_auth) {
        if (const auto password = client.basic_auth->password.reveal()) {
            add(base64(client.basic_auth->username + ':' + *password));
            add(*password);
        }
    }
    if (const auto credentials = client.authorization.reveal();
        client.authorization.is_set() && credentials)
        add(*credentials);
    for (const auto& header : client.headers)
        if (const auto value = header.second.reveal()) add(*value);
    for (const Header& header : settings.headers)
        if (holds_credentials(header.first)) add(header.second);
    std::sort(secrets_.begin(), secrets_.end(),
              [](const std::string& a, const std::string& b) { return a.size() > b.size(); });
}

void Hidden::add(std::string secret) {
    // Shorter ones would punch holes into ordinary words without hiding much.
    if (secret.size() >= 4) secrets_.push_back(std::move(secret));
}

std::string Hidden::in(std::string text) const {
    for (const std::string& secret : secrets_) {
        constexpr std::string_view instead = "<secret>";
        for (std::size_t at = text.find(secret); at != std::string::npos;
             at = text.find(secret, at + instead.size()))
            text.replace(at, secret.size(), instead);
    }
    return text;
}

std::string Hidden::in_first(std::string_view text, std::size_t bytes_max) const {
    const std::size_t longest = secrets_.empty() ? 0 : secrets_.front().size();
    std::string out = in(std::string(text.substr(0, bytes_max + longest)));
    if (out.size() > bytes_max) out.resize(bytes_max);
    return out;
}

}  // namespace vedette::probes
