#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <memory>

#include "exporter/http/transport.h"
#include "tests/exporter_http/front_fixture.h"

using namespace vedette;
using namespace vedette::http;
using namespace vedette::http::test;

namespace {

/// A folder with a certificate that was signed a moment ago.
class Certificate {
public:
    Certificate() {
        std::string pattern =
            (std::filesystem::temp_directory_path() / "vedette_tls_XXXXXX").string();
        REQUIRE(mkdtemp(pattern.data()) != nullptr);
        folder_ = pattern;
        settings_.cert_file = folder_ + "/cert.pem";
        settings_.key_file = folder_ + "/key.pem";
        issue("first");
    }
    ~Certificate() { std::filesystem::remove_all(folder_); }

    const ServerTls& settings() const { return settings_; }
    void issue(const std::string& name) {
        const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"),
                                                                      EVP_PKEY_free);
        const std::unique_ptr<X509, decltype(&X509_free)> cert(X509_new(), X509_free);
        X509_set_version(cert.get(), 2);
        ASN1_INTEGER_set(X509_get_serialNumber(cert.get()), 1);
        X509_gmtime_adj(X509_getm_notBefore(cert.get()), -60);
        X509_gmtime_adj(X509_getm_notAfter(cert.get()), 3600);
        X509_NAME* subject = X509_get_subject_name(cert.get());
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                   reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
        X509_set_issuer_name(cert.get(), subject);
        X509_set_pubkey(cert.get(), key.get());
        X509_sign(cert.get(), key.get(), EVP_sha256());
        std::FILE* file = std::fopen(settings_.cert_file.c_str(), "w");
        PEM_write_X509(file, cert.get());
        std::fclose(file);
        file = std::fopen(settings_.key_file.c_str(), "w");
        PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
        std::fclose(file);
    }

private:
    std::string folder_;
    ServerTls settings_;
};

/// A caller over TLS.
class TlsClient {
public:
    explicit TlsClient(const std::string& address, int version_max = TLS1_3_VERSION)
        : client_(address), context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free) {
        SSL_CTX_set_max_proto_version(context_.get(), version_max);
        SSL_CTX_set_security_level(context_.get(), 0);
        ssl_.reset(SSL_new(context_.get()));
        SSL_set_fd(ssl_.get(), client_.fd());
        connected_ = SSL_connect(ssl_.get()) == 1;
    }
    bool connected() const { return connected_; }
    std::string name() const {
        const std::unique_ptr<X509, decltype(&X509_free)> cert(
            SSL_get1_peer_certificate(ssl_.get()), X509_free);
        char text[64] = {};
        X509_NAME_get_text_by_NID(X509_get_subject_name(cert.get()), NID_commonName, text,
                                  sizeof text);
        return text;
    }
    std::string ask(const std::string& bytes, std::string_view until) {
        SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
        std::string got;
        char piece[16384];
        while (got.find(until) == std::string::npos) {
            const int n = SSL_read(ssl_.get(), piece, sizeof piece);
            if (n <= 0) break;
            got.append(piece, static_cast<std::size_t>(n));
        }
        return got;
    }

private:
    Client client_;
    std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
    std::unique_ptr<SSL, decltype(&SSL_free)> ssl_{nullptr, SSL_free};
    bool connected_ = false;
};

ServerSettings tls_only(const ServerTls& tls) {
    ServerSettings settings;
    settings.listeners.push_back({"127.0.0.1:0", {}, tls});
    return settings;
}

}  // namespace

TEST_CASE("a TLS listener answers, pipelined and large, and the handler knows") {
    const Certificate certificate;
    static const std::string large(3 * mib, 'L');
    bool tls = false;
    std::vector<Route> routes;
    routes.push_back({"GET", "/large", Role::Nobody, PathGroup::Api, Weight::Worker,
                      [&](const Request& request) {
                          tls = request.tls;
                          Response response;
                          response.content_type = "application/octet-stream";
                          response.fixed_body = large;
                          return response;
                      }});
    Site site(tls_only(certificate.settings()), std::move(routes));
    REQUIRE(site.started);
    TlsClient client(site.address);
    REQUIRE(client.connected());
    CHECK(client.name() == "first");
    const std::string got = client.ask(get("/large") + get("/hello"), "hello\n");
    CHECK(got.size() > large.size());
    CHECK(got.find(large + "HTTP/1.1 200 OK") != std::string::npos);
    CHECK(tls);
}

TEST_CASE("a stalled handshake holds nobody up and ends at its deadline, within 8 MiB") {
    const Certificate certificate;
    ServerSettings settings = tls_only(certificate.settings());
    settings.limits.handshake_deadline = 1s;
    Site site(settings);
    const MemoryBound memory;
    std::vector<Client> stalled;
    for (int i = 0; i < 100; ++i) stalled.push_back(site.client());
    // The first bytes of a client hello, and not one more.
    for (Client& client : stalled)
        REQUIRE(client.send(std::string_view("\x16\x03\x01\x02\x00\x01", 6)));
    TlsClient client(site.address);
    CHECK(client.ask(get("/hello"), "hello\n").ends_with("\r\n\r\nhello\n"));
    for (Client& each : stalled) CHECK(each.wait_for_end());
    CHECK(site.metric("vedette_http_refused_total", "handshake_deadline") == 100);
    CHECK(memory.holds(8 * mib));
}

TEST_CASE("plain HTTP on a TLS port, and TLS 1.1, are turned away") {
    const Certificate certificate;
    Site site(tls_only(certificate.settings()));
    Client plain = site.client();
    plain.send(get("/hello"));
    CHECK(plain.wait_for_end());
    CHECK_FALSE(TlsClient(site.address, TLS1_1_VERSION).connected());
    CHECK(TlsClient(site.address, TLS1_2_VERSION).connected());
    CHECK(eventually(
        [&] { return site.metric("vedette_http_refused_total", "tls_handshake") == 2; }));
}

TEST_CASE("a changed certificate is used, a broken one is not") {
    Certificate certificate;
    const auto loaded = load_tls(certificate.settings());
    REQUIRE(loaded);
    TlsSource source(certificate.settings(), *loaded);
    TlsSource::TimePoint now{};
    std::string problem;
    now += 10s;
    CHECK(source.context(now, problem) == *loaded);
    certificate.issue("second");
    CHECK(source.context(now + 500ms, problem) == *loaded);
    now += 2s;
    const TlsContext second = source.context(now, problem);
    CHECK(second != *loaded);
    CHECK(problem.empty());
    std::fclose(std::fopen(certificate.settings().key_file.c_str(), "w"));
    now += 2s;
    CHECK(source.context(now, problem) == second);
    CHECK(problem.starts_with("key " + certificate.settings().key_file + ": "));
    problem.clear();
    now += 2s;
    CHECK(source.context(now, problem) == second);
    CHECK(problem.empty());
}

TEST_CASE("a reload gives a listener its certificate, or leaves it as it was") {
    const Certificate certificate;
    Site site;
    REQUIRE(site.started);
    ServerTls broken = certificate.settings();
    broken.key_file = "/nowhere";
    ServerSettings settings = tls_only(broken);
    CHECK_FALSE(site.front.reload(settings));
    CHECK(site.client().ask(get("/hello")).status == 200);
    settings = tls_only(certificate.settings());
    REQUIRE(site.front.reload(settings));
    CHECK(site.front.addresses().front() == site.address);
    TlsClient client(site.address);
    CHECK(client.ask(get("/hello"), "hello\n").ends_with("hello\n"));
}

TEST_CASE("a certificate that cannot be read is named and nothing is served") {
    ServerTls tls;
    tls.cert_file = "/nowhere/cert.pem";
    tls.key_file = "/nowhere/key.pem";
    Site site(tls_only(tls));
    REQUIRE_FALSE(site.started);
    CHECK(site.started.error().message ==
          "certificate /nowhere/cert.pem: No such file or directory");
}
