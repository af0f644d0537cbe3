#include "probes/http/expect.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "core/labels.h"
#include "probes/http/transcript.h"

namespace vedette::probes {
namespace {

using Reasons = std::vector<std::string>;

/// Header values and bodies in a sentence: quoted, and short enough to read.
std::string shortly(std::string_view text) {
    constexpr std::size_t shown_max = 60;
    if (text.size() <= shown_max) return quote(text);
    return quote(text.substr(0, shown_max)) + "…";
}

std::string any_of_words(const std::vector<std::string>& words) {
    std::string out;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (i > 0) out += i + 1 == words.size() ? " or " : ", ";
        out += words[i];
    }
    return out;
}

std::string counted(std::uint64_t count, std::string_view one) {
    return fmt::format("{} {}{}", count, one, count == 1 ? "" : "s");
}

bool judge_status(const HttpExpect& expect, int status, Reasons& reasons) {
    static const std::vector<StatusRange> any_success{StatusRange{}};
    const auto& ranges = expect.status.empty() ? any_success : expect.status;
    std::vector<std::string> words;
    for (const StatusRange& range : ranges) {
        if (status >= range.first && status <= range.last) return true;
        words.push_back(range.text);
    }
    reasons.push_back(fmt::format("status {}, expected {}", status, any_of_words(words)));
    return false;
}

std::string shown_value(const HeaderExpect& expect, std::string_view value) {
    return holds_credentials(expect.name) ? std::string("<secret>") : shortly(value);
}

/// What is wrong with one header; empty when nothing is.
std::string header_reason(const HeaderExpect& expect, const HttpAnswer& answer) {
    using Must = HeaderExpect::Must;
    const std::string* first = nullptr;
    const std::string* matching = nullptr;
    for (const Header& header : answer.headers) {
        if (header.first != expect.name) continue;
        if (first == nullptr) first = &header.second;
        if (expect.pattern && matching == nullptr && expect.pattern->found_in(header.second))
            matching = &header.second;
    }
    const bool needs_it = expect.must != Must::BeAbsent && !expect.may_be_missing;
    if (first == nullptr)
        return needs_it ? fmt::format("no header `{}`, expected it", expect.name) : std::string();
    switch (expect.must) {
        case Must::BePresent:
            return {};
        case Must::BeAbsent:
            return fmt::format("header `{}` is {}, expected none", expect.name,
                               shown_value(expect, *first));
        case Must::Match:
            if (matching != nullptr) return {};
            return fmt::format("header `{}` is {}, expected it to match `{}`", expect.name,
                               shown_value(expect, *first), expect.pattern->text());
        case Must::NotMatch:
            if (matching == nullptr) return {};
            return fmt::format("header `{}` is {}, expected it not to match `{}`", expect.name,
                               shown_value(expect, *matching), expect.pattern->text());
    }
    return {};
}

/// True when a pattern is to blame.
bool judge_headers(const HttpExpect& expect, const HttpAnswer& answer, Reasons& reasons) {
    bool by_regex = false;
    for (const HeaderExpect& header : expect.headers) {
        std::string reason = header_reason(header, answer);
        if (reason.empty()) continue;
        by_regex |= header.pattern.has_value();
        reasons.push_back(std::move(reason));
    }
    return by_regex;
}

/// True when a pattern is to blame.
bool judge_body(const HttpExpect& expect, const HttpAnswer& answer, Reasons& reasons) {
    bool by_regex = false;
    for (const Pattern& pattern : expect.body_matches) {
        if (pattern.found_in(answer.body)) continue;
        by_regex = true;
        reasons.push_back(fmt::format("body ({}) does not match `{}`",
                                      counted(answer.body_bytes, "byte"), pattern.text()));
    }
    for (const Pattern& pattern : expect.body_not_matches) {
        if (!pattern.found_in(answer.body)) continue;
        by_regex = true;
        reasons.push_back(fmt::format("body matches `{}`, expected it not to", pattern.text()));
    }
    return by_regex;
}

void judge_size(const HttpExpect& expect, const HttpAnswer& answer, Reasons& reasons) {
    if (answer.body_cut) {
        reasons.push_back(fmt::format("body is larger than the {} that are read",
                                      counted(answer.body.size(), "byte")));
        return;
    }
    if (expect.body_bytes_min && answer.body_bytes < *expect.body_bytes_min)
        reasons.push_back(fmt::format("body of {}, expected at least {}",
                                      counted(answer.body_bytes, "byte"), *expect.body_bytes_min));
    if (expect.body_bytes_max && answer.body_bytes > *expect.body_bytes_max)
        reasons.push_back(fmt::format("body of {}, expected at most {}",
                                      counted(answer.body_bytes, "byte"), *expect.body_bytes_max));
}

void judge_version(const HttpExpect& expect, const HttpAnswer& answer, Reasons& reasons) {
    const auto& versions = expect.versions;
    if (versions.empty()) return;
    if (std::find(versions.begin(), versions.end(), answer.version) != versions.end()) return;
    reasons.push_back(
        fmt::format("HTTP version {}, expected {}", answer.version, any_of_words(versions)));
}

void judge_redirects(const HttpExpect& expect, const HttpAnswer& answer, Reasons& reasons) {
    if (expect.redirects_max && answer.redirects > *expect.redirects_max) {
        const std::string allowed = *expect.redirects_max == 0
                                        ? std::string("none")
                                        : fmt::format("at most {}", *expect.redirects_max);
        reasons.push_back(
            fmt::format("{} to {}, expected {}",
                        counted(static_cast<std::uint64_t>(answer.redirects), "redirect"),
                        redact_url(answer.final_url), allowed));
    }
    if (!expect.final_url.empty() && answer.final_url != expect.final_url)
        reasons.push_back(fmt::format("ended at {}, expected {}", redact_url(answer.final_url),
                                      redact_url(expect.final_url)));
}

/// Days where they are plenty, hours and minutes where it is near.
std::string validity(Milliseconds left) {
    using std::chrono::days;
    if (left >= days(3) && left % days(1) == Milliseconds(0))
        return fmt::format("{} days", std::chrono::floor<days>(left).count());
    if (left >= days(3))
        return fmt::format("{:.1f} days", static_cast<double>(left.count()) / 86.4e6);
    return humanize_duration(left);
}

void judge_tls(const HttpExpect& expect, const HttpAnswer& answer, Timestamp now,
               Reasons& reasons) {
    if (expect.tls && *expect.tls && !answer.tls)
        reasons.push_back("the answer came without TLS, expected TLS");
    if (expect.tls && !*expect.tls && answer.tls)
        reasons.push_back("the answer came over TLS, expected none");
    if (!answer.tls) return;
    const TlsFacts& tls = *answer.tls;
    if (!expect.tls_version_min.empty() && tls.version < expect.tls_version_min)
        reasons.push_back(
            fmt::format("{}, expected at least {}", tls.version, expect.tls_version_min));
    if (!expect.certificate_valid_for) return;
    const Milliseconds left = tls.earliest_not_after - now;
    if (left >= *expect.certificate_valid_for) return;
    if (left <= Milliseconds(0)) {
        reasons.push_back(fmt::format("certificate expired {} ago", validity(-left)));
        return;
    }
    reasons.push_back(fmt::format("certificate expires in {}, expected at least {}", validity(left),
                                  validity(*expect.certificate_valid_for)));
}

void judge_duration(const HttpExpect& expect, const HttpAnswer& answer, Reasons& reasons) {
    if (!expect.duration_under) return;
    const auto took = std::accumulate(
        answer.phases.begin(), answer.phases.end(), std::chrono::nanoseconds(0),
        [](std::chrono::nanoseconds sum, const Phase& phase) { return sum + phase.took; });
    if (took < *expect.duration_under) return;
    // Rounded up, so that "took 500 ms, expected under 500 ms" cannot be read for 499.9 ms.
    reasons.push_back(fmt::format("took {}, expected under {}",
                                  humanize_duration(std::chrono::ceil<Milliseconds>(took)),
                                  humanize_duration(*expect.duration_under)));
}

}  // namespace

HttpVerdict judge(const HttpExpect& expect, const HttpAnswer& answer, Timestamp now) {
    HttpVerdict verdict;
    const bool status_is_right = judge_status(expect, answer.status, verdict.reasons);
    const bool by_header = judge_headers(expect, answer, verdict.reasons);
    const bool by_body = judge_body(expect, answer, verdict.reasons);
    if (expect.gzip && answer.body_bytes > 0 && answer.header("content-encoding") != "gzip")
        verdict.reasons.push_back("the answer is not compressed, expected gzip");
    verdict.failed_due_to_regex = status_is_right && (by_header || by_body);
    judge_size(expect, answer, verdict.reasons);
    judge_version(expect, answer, verdict.reasons);
    judge_redirects(expect, answer, verdict.reasons);
    judge_tls(expect, answer, now, verdict.reasons);
    judge_duration(expect, answer, verdict.reasons);
    return verdict;
}

}  // namespace vedette::probes
