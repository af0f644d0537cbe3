#include "tests/support/certificates.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <memory>

#include "core/error.h"

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
using Key = std::unique_ptr<EVP_PKEY, Releaser<EVP_PKEY_free>>;
using Paper = std::unique_ptr<X509, Releaser<X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Releaser<X509_EXTENSION_free>>;

std::string text_of(BIO* bio) {
    char* text = nullptr;
    const long size = BIO_get_mem_data(bio, &text);
    return {text, static_cast<std::size_t>(size)};
}

Bio reader(const std::string& text) {
    return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

void extend(X509* paper, X509* issuer, int which, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, paper, nullptr, nullptr, 0);
    const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, which, value.c_str()));
    check(extension && X509_add_ext(paper, extension.get(), -1) == 1, "an extension can be made");
}

}  // namespace

Certificate make_certificate(const CertificateWish& wish) {
    // Two authorities of one name and serial would be one to OpenSSL.
    static std::atomic<long> last_serial = 0x10;
    const Key key(EVP_EC_gen("P-256"));
    const Paper paper(X509_new());
    check(key && paper, "a key can be made");
    X509_set_version(paper.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(paper.get()), ++last_serial);
    X509_gmtime_adj(X509_getm_notBefore(paper.get()), wish.from_days * 86'400L);
    X509_gmtime_adj(X509_getm_notAfter(paper.get()), wish.until_days * 86'400L);
    X509_set_pubkey(paper.get(), key.get());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(paper.get()), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(wish.common_name.c_str()), -1,
                               -1, 0);
    Paper issuer;
    Key issuer_key;
    if (wish.issuer != nullptr) {
        issuer.reset(PEM_read_bio_X509(reader(wish.issuer->pem).get(), nullptr, nullptr, nullptr));
        issuer_key.reset(
            PEM_read_bio_PrivateKey(reader(wish.issuer->key).get(), nullptr, nullptr, nullptr));
    }
    X509* signer = issuer ? issuer.get() : paper.get();
    X509_set_issuer_name(paper.get(), X509_get_subject_name(signer));
    extend(paper.get(), signer, NID_basic_constraints,
           wish.authority ? "critical,CA:TRUE" : "CA:FALSE");
    std::string names;
    for (const auto& name : wish.names) names += (names.empty() ? "DNS:" : ",DNS:") + name;
    for (const auto& address : wish.addresses) names += (names.empty() ? "IP:" : ",IP:") + address;
    if (!names.empty()) extend(paper.get(), signer, NID_subject_alt_name, names);
    check(X509_sign(paper.get(), issuer_key ? issuer_key.get() : key.get(), EVP_sha256()) > 0,
          "a certificate can be signed");
    const Bio pem(BIO_new(BIO_s_mem())), key_pem(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(pem.get(), paper.get());
    PEM_write_bio_PrivateKey(key_pem.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    return {text_of(pem.get()), text_of(key_pem.get())};
}

}  // namespace vedette
