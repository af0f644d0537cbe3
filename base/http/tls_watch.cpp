#include "base/http/tls_watch.h"

#include <fmt/format.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <ctime>
#include <filesystem>
#include <memory>

#include "core/limits.h"

namespace vedette {
namespace {

template <auto release>
struct Releaser {
    template <typename T>
    void operator()(T* what) const {
        release(what);
    }
};
using Bio = std::unique_ptr<BIO, Releaser<BIO_free_all>>;
using AltNames = std::unique_ptr<GENERAL_NAMES, Releaser<GENERAL_NAMES_free>>;
using BigNumber = std::unique_ptr<BIGNUM, Releaser<BN_free>>;

Timestamp time_of(const ASN1_TIME* time) {
    std::tm parts{};
    if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
    return {static_cast<std::int64_t>(::timegm(&parts)) * 1000};
}

/// `CN=shop.example,O=Shop` (RFC 2253).
std::string text_of(const X509_NAME* name) {
    const Bio bio(BIO_new(BIO_s_mem()));
    X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
    char* text = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &text);
    return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : std::string();
}

std::string common_name(const X509_NAME* name) {
    std::array<char, 256> text{};
    const int size = X509_NAME_get_text_by_NID(name, NID_commonName, text.data(), text.size());
    return size > 0 ? std::string(text.data()) : text_of(name);
}

std::string hex_of(const unsigned char* bytes, std::size_t count) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) text += fmt::format("{:02x}", bytes[i]);
    return text;
}

std::string serial_of(X509* certificate) {
    const BigNumber number(ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr));
    if (!number) return {};
    std::vector<unsigned char> bytes(static_cast<std::size_t>(BN_num_bytes(number.get())));
    BN_bn2bin(number.get(), bytes.data());
    return hex_of(bytes.data(), bytes.size());
}

std::string sha256_of(const X509* certificate) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    if (X509_digest(certificate, EVP_sha256(), digest.data(), &size) != 1) return {};
    return hex_of(digest.data(), size);
}

/// Names and addresses a certificate is for, names first.
std::vector<std::string> names_of(X509* certificate, bool addresses) {
    std::vector<std::string> names, numbers;
    const AltNames found(static_cast<GENERAL_NAMES*>(
        X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
    for (int i = 0; found && i < sk_GENERAL_NAME_num(found.get()); ++i) {
        const GENERAL_NAME* name = sk_GENERAL_NAME_value(found.get(), i);
        if (name->type == GEN_DNS) {
            const auto* text =
                reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName));
            names.emplace_back(text, static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName)));
        } else if (name->type == GEN_IPADD && addresses) {
            char* text = nullptr;
            const int size = ASN1_STRING_length(name->d.iPAddress);
            const unsigned char* bytes = ASN1_STRING_get0_data(name->d.iPAddress);
            if (size == 4)
                numbers.push_back(
                    fmt::format("{}.{}.{}.{}", bytes[0], bytes[1], bytes[2], bytes[3]));
            if (size == 16 && (text = OPENSSL_buf2hexstr(bytes, size)) != nullptr) {
                numbers.emplace_back(text);
                OPENSSL_free(text);
            }
        }
    }
    names.insert(names.end(), numbers.begin(), numbers.end());
    return names;
}

std::string joined(const std::vector<std::string>& parts, std::string_view between) {
    return fmt::format("{}", fmt::join(parts, between));
}

Timestamp earliest_not_after(const STACK_OF(X509) * chain) {
    Timestamp earliest{INT64_MAX};
    for (int i = 0; i < sk_X509_num(chain); ++i)
        earliest = std::min(earliest, time_of(X509_get0_notAfter(sk_X509_value(chain, i))));
    return earliest;
}

/// Debian's directory of hashed authorities is read one file at a time as needed; the bundle costs
/// 10 ms and megabytes. Used where there is no such directory.
bool has_hashed_authorities(const char* directory) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(directory, error))
        if (entry.path().extension() == ".0") return true;
    return false;
}

long version_of(const std::string& name) {
    if (name == "TLS10") return CURL_SSLVERSION_TLSv1_0;
    if (name == "TLS11") return CURL_SSLVERSION_TLSv1_1;
    if (name == "TLS13") return CURL_SSLVERSION_TLSv1_3;
    return CURL_SSLVERSION_TLSv1_2;
}

void set_versions(CURL* easy, const TlsSettings& settings) {
    long versions = version_of(settings.min_version);
    if (!settings.max_version.empty()) versions |= version_of(settings.max_version) << 16;
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, versions);
    // OpenSSL 3 speaks what is older than TLS 1.2 only at security level 0.
    if (settings.min_version == "TLS10" || settings.min_version == "TLS11")
        curl_easy_setopt(easy, CURLOPT_SSL_CIPHER_LIST, "DEFAULT:@SECLEVEL=0");
}

void set_authorities(CURL* easy, const TlsSettings& settings) {
    if (settings.ca.empty() && settings.ca_file.empty()) {
        constexpr const char* directory = "/etc/ssl/certs";
        if (!has_hashed_authorities(directory)) return;
        curl_easy_setopt(easy, CURLOPT_CAINFO, nullptr);
        curl_easy_setopt(easy, CURLOPT_CAPATH, directory);
        return;
    }
    // What the person names is all that is trusted, and is read again for each connection.
    curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
    curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L);
    if (settings.ca.empty()) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, settings.ca_file.c_str());
        return;
    }
    curl_blob blob{const_cast<char*>(settings.ca.data()), settings.ca.size(), CURL_BLOB_COPY};
    curl_easy_setopt(easy, CURLOPT_CAINFO, nullptr);
    curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &blob);
}

Result<void> set_client_certificate(CURL* easy, const TlsSettings& settings) {
    if (!settings.cert_file.empty())
        curl_easy_setopt(easy, CURLOPT_SSLCERT, settings.cert_file.c_str());
    if (!settings.cert.empty()) {
        curl_blob blob{const_cast<char*>(settings.cert.data()), settings.cert.size(),
                       CURL_BLOB_COPY};
        curl_easy_setopt(easy, CURLOPT_SSLCERT_BLOB, &blob);
    }
    if (!settings.key_file.empty())
        curl_easy_setopt(easy, CURLOPT_SSLKEY, settings.key_file.c_str());
    if (settings.key.is_set()) {
        auto key = settings.key.reveal();
        if (!key) return fail(key.error());
        curl_blob blob{key->data(), key->size(), CURL_BLOB_COPY};
        curl_easy_setopt(easy, CURLOPT_SSLKEY_BLOB, &blob);
    }
    return {};
}

}  // namespace

Result<void> TlsWatch::attach(CURL* easy, const TlsSettings& settings) {
    forget();
    verify_ = !settings.insecure_skip_verify;
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, verify_ ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, verify_ ? 2L : 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, &TlsWatch::on_context);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, this);
    set_versions(easy, settings);
    set_authorities(easy, settings);
    return set_client_certificate(easy, settings);
}

void TlsWatch::forget() {
    began_.reset();
    verdict_ = X509_V_OK;
    depth_ = 0;
    blamed_.clear();
    blamed_issuer_.clear();
    names_.clear();
    facts_.reset();
}

CURLcode TlsWatch::on_context(CURL*, void* context, void* self) {
    static_cast<TlsWatch*>(self)->began_ = std::chrono::steady_clock::now();
    SSL_CTX_set_cert_verify_callback(static_cast<SSL_CTX*>(context), &TlsWatch::on_verify, self);
    return CURLE_OK;
}

int TlsWatch::on_verify(X509_STORE_CTX* store, void* self) {
    auto& watch = *static_cast<TlsWatch*>(self);
    const bool good = watch.verify_ && X509_verify_cert(store) == 1;
    if (watch.verify_) {
        watch.verdict_ = X509_STORE_CTX_get_error(store);
        watch.depth_ = X509_STORE_CTX_get_error_depth(store);
        if (const X509* blamed = X509_STORE_CTX_get_current_cert(store);
            blamed != nullptr && !good) {
            watch.blamed_ = common_name(X509_get_subject_name(blamed));
            watch.blamed_issuer_ = common_name(X509_get_issuer_name(blamed));
        }
    }
    watch.note(store);
    if (good)
        watch.facts_->verified_not_after = earliest_not_after(X509_STORE_CTX_get0_chain(store));
    return good || !watch.verify_ ? 1 : 0;
}

void TlsWatch::note(X509_STORE_CTX* store) {
    TlsFacts& facts = facts_.emplace();
    auto* ssl =
        static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    const std::string_view version = SSL_get_version(ssl);
    facts.version = version.starts_with("TLSv1") && version.size() > 5
                        ? "TLS " + std::string(version.substr(4))
                        : std::string(version);
    if (const char* cipher = SSL_get_cipher_name(ssl)) facts.cipher = cipher;
    if (const auto* presented = X509_STORE_CTX_get0_untrusted(store))
        facts.earliest_not_after = earliest_not_after(presented);
    X509* leaf = X509_STORE_CTX_get0_cert(store);
    if (leaf == nullptr) return;
    facts.leaf_not_before = time_of(X509_get0_notBefore(leaf));
    facts.leaf_not_after = time_of(X509_get0_notAfter(leaf));
    facts.leaf_subject = text_of(X509_get_subject_name(leaf));
    facts.leaf_issuer = text_of(X509_get_issuer_name(leaf));
    facts.leaf_names = joined(names_of(leaf, false), ",");
    facts.leaf_serial = serial_of(leaf);
    facts.leaf_sha256 = sha256_of(leaf);
    names_ = names_of(leaf, true);
    if (names_.empty()) names_.push_back(common_name(X509_get_subject_name(leaf)));
}

std::string TlsWatch::explain(CURLcode code, std::string_view host, std::string_view detail) const {
    const std::string where = depth_ > 0 ? fmt::format(" of {}, in its chain,", blamed_) : "";
    switch (verdict_) {
        case X509_V_OK:
            break;
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return fmt::format("certificate{} has expired", where);
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return fmt::format("certificate{} is not valid yet", where);
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
            return "self-signed certificate";
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
            return fmt::format("certificate is signed by an unknown authority: {}", blamed_);
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            return fmt::format("certificate is signed by an unknown authority: {}", blamed_issuer_);
        default:
            return fmt::format("certificate{} refused: {}", where,
                               X509_verify_cert_error_string(verdict_));
    }
    if (code == CURLE_PEER_FAILED_VERIFICATION && facts_) {
        auto shown = names_;
        if (shown.size() > 3) {
            shown.resize(3);
            shown.push_back(fmt::format("{} more", names_.size() - 3));
        }
        return fmt::format("certificate is for {}, not {}", joined(shown, ", "), host);
    }
    const std::string_view reason = tls_reason(detail);
    if (reason == "wrong version number" || reason == "packet length too long")
        return "the other side does not speak TLS";
    if (reason.find("certificate required") != reason.npos ||
        reason.find("bad certificate") != reason.npos)
        return "the server requires a client certificate it trusts";
    if (reason.find("protocol version") != reason.npos || reason == "unsupported protocol")
        return "no TLS version in common";
    if (code == CURLE_SSL_CACERT_BADFILE) return "the file of authorities cannot be read";
    if (code == CURLE_SSL_CERTPROBLEM) return "the client certificate or its key cannot be used";
    return fmt::format("TLS handshake failed: {}", reason);
}

std::string_view tls_reason(std::string_view detail) {
    constexpr std::string_view mark = "routines::";
    if (const auto at = detail.rfind(mark); at != detail.npos)
        return detail.substr(at + mark.size());
    if (detail.find("reset by peer") != detail.npos) return "connection reset";
    if (detail.find("SSL_ERROR_SYSCALL") != detail.npos) return "connection closed";
    return detail.empty() ? "no reason given" : detail;
}

}  // namespace vedette
