#include "store/remote/settings.h"

#include <fmt/format.h>

#include "store/matching.h"

namespace vedette::store {

DatasourceSettings read_datasource_section(const ConfigNode& node, Problems& problems) {
    DatasourceSettings out;
    MapReader map(node, problems, "datasource");
    out.url = map.required_string("url");
    const bool web = out.url.starts_with("http://") || out.url.starts_with("https://");
    if (!out.url.empty() && (!web || out.url.find_first_of("?#") != std::string::npos))
        map.problem("url", fmt::format("`{}` is no http or https URL without a query",
                                       redact_url(out.url)));
    while (out.url.ends_with('/')) out.url.pop_back();
    using Read = DatasourceSettings::Read;
    const std::string how =
        map.choice("read", {"auto", "remote_read", "export", "query"}, "auto");
    if (how == "remote_read") out.read = Read::RemoteRead;
    if (how == "export") out.read = Read::Export;
    if (how == "query") out.read = Read::Query;
    out.timeout = map.duration("timeout", out.timeout);
    if (out.timeout <= Milliseconds(0) || out.timeout > limits::datasource_timeout_max)
        map.problem("timeout", fmt::format("`timeout` is {}; expected more than 0s and at most {}",
                                           format_duration(out.timeout),
                                           format_duration(limits::datasource_timeout_max)));
    out.local_names = map.string("local_names", out.local_names);
    const Matcher names{Matcher::Op::Match, std::string(metric_name_label), out.local_names};
    if (const auto ready = ReadyMatcher::make(names); !ready)
        map.problem("local_names", "`local_names`: " + ready.error().message);
    out.http = std::make_shared<const HttpSettings>(read_http_settings(map));
    return out;
}

}  // namespace vedette::store
