#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/http.h"
#include "exporter/json_writer.h"
#include "notify/matcher.h"

namespace vedette::exporter::alertmanager {

/// `"silence not found"`: how handlers of API v2 refuse.
Response refused(int status, std::string_view message);
/// `{"code":602,"message":"…"}`: how what stands before them does; codes from 600 on are sent as 422.
Response invalid(int code, std::string_view message);
Response answered(const std::function<void(JsonWriter&)>& write);

/// A JSON document that is checked as API v2 checks it; the first thing wrong is the answer.
class Document {
public:
    /// `what` names the body: `alerts`, `silence`.
    Document(const Request& request, std::string_view what);
    ~Document();
    Document(const Document&) = delete;
    Document& operator=(const Document&) = delete;

    const nlohmann::json& root() const { return *root_; }
    const std::optional<Response>& wrong() const { return wrong_; }
    /// Keeps the first complaint.
    void refuse(Response response);
    /// `json: cannot unmarshal number into Go struct field …`
    void refuse_type(const nlohmann::json& found, std::string_view place, std::string_view expected);

    /// A member that must be there; null when it is not, after a complaint.
    const nlohmann::json* required(const nlohmann::json& object, const char* name,
                                   std::string_view place);
    std::string text(const nlohmann::json& value, std::string_view place);
    bool truth(const nlohmann::json& value, std::string_view place);
    /// Nothing for Go's zero time, which programs send for "none".
    std::optional<Timestamp> time(const nlohmann::json& value);

private:
    void parse(const Request& request);

    std::string what_;
    std::unique_ptr<nlohmann::json> root_;
    std::optional<Response> wrong_;
};

/// The matchers of all `filter` parameters; the answer that refuses them otherwise.
tl::expected<notify::AlertMatchers, Response> filter_parameters(const Request& request);
/// As Go's handlers read a flag; what is no truth is taken for `true`, the default.
bool flag_parameter(const Request& request, std::string_view name);

}  // namespace vedette::exporter::alertmanager
