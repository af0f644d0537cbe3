#pragma once

#include <string>
#include <vector>

namespace vedette {

/// A certificate and its key, both PEM.
struct Certificate {
    std::string pem, key;
};

struct CertificateWish {
    std::string common_name = "vedette test";
    std::vector<std::string> names;       ///< DNS names
    std::vector<std::string> addresses;   ///< IPv4 or IPv6
    int from_days = -1, until_days = 30;  ///< from now
    bool authority = false;               ///< may sign others
    const Certificate* issuer = nullptr;  ///< none: signed by itself
};

/// Makes a new P-256 key and a certificate for it. Aborts the test when OpenSSL cannot.
Certificate make_certificate(const CertificateWish& wish);

}  // namespace vedette
