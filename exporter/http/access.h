#pragma once

#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "core/http.h"
#include "exporter/http/head.h"
#include "exporter/http/settings.h"

namespace vedette::http {

/// Who is calling.
struct Identity {
    std::string user;
    Role role = Role::Nobody;
};

/// A password that has to be compared with its bcrypt hash, which takes tens of milliseconds: not
/// on the loop.
struct PasswordCheck {
    std::string user, password, hash;
    std::string key;  ///< under which a good check is remembered
    Role role = Role::Nobody;
};

/// Compares. Safe on any thread; takes as long for a user that does not exist.
bool password_matches(const PasswordCheck& check);

/// Judges where a request comes from and who sends it. Belongs to the loop's thread.
///
/// Good passwords are remembered under SHA-256 of salt, hash and password, so a changed hash is a
/// changed key; the salt is new in each process. Failures are counted by address.
class Access {
public:
    using Verdict = std::variant<Identity, PasswordCheck, Refusal>;
    using TimePoint = std::chrono::steady_clock::time_point;

    explicit Access(const ServerSettings& settings);
    /// New users, tokens and hosts; what was remembered of old ones no longer fits.
    void replace(const ServerSettings& settings);

    /// DNS rebinding: a page of somebody else's name that points here must not talk to us. 421.
    std::optional<Refusal> judge_host(std::string_view host) const;
    /// Cross-site requests that would change something: 403.
    std::optional<Refusal> judge_origin(const Head& head) const;
    /// What a browser must hear so that a page of another site may read the API: nothing unless
    /// `cors_origin` is set, `Vary` alone when it does not name this origin.
    std::vector<Header> cross_origin_headers(const Head& head) const;
    /// Reads `Authorization`. No credentials: the anonymous role. Wrong ones: 401, or 429 when this
    /// address failed too often.
    Verdict identify(std::string_view authorization, const std::string& peer, TimePoint now);
    /// What `password_matches` said.
    Verdict conclude(const PasswordCheck& check, bool good, const std::string& peer, TimePoint now);

private:
    struct Failures {
        TimePoint since;
        std::size_t count = 0;
    };
    Verdict identify_basic(std::string_view encoded, const std::string& peer, TimePoint now);
    Verdict identify_bearer(std::string_view token, const std::string& peer, TimePoint now);
    bool is_blocked(const std::string& peer, TimePoint now);
    Refusal failed(const std::string& peer, TimePoint now);
    std::string cache_key(std::string_view user, std::string_view hash,
                          std::string_view password) const;

    std::vector<User> users_;
    std::vector<Token> tokens_;
    Role anonymous_ = Role::Nobody;
    std::set<std::string, std::less<>> hosts_;
    bool any_host_ = false;
    std::shared_ptr<const re2::RE2> cors_origin_;
    std::size_t failures_max_ = 0;
    std::string salt_;
    std::set<std::string> good_;
    std::unordered_map<std::string, Failures> failures_;
};

/// `Example.org:80` → `example.org`; `[::1]:80` → `::1`. Empty when it is no host.
std::string host_name(std::string_view host);

}  // namespace vedette::http
