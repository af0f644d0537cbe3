#include "probes/table.h"

#include "probes/http/http.h"

namespace vedette::probes {
namespace {

constexpr ProbeType table[] = {
    {"http", "an HTTP or HTTPS request and what is expected of the answer", http_objection,
     read_http},
};

}  // namespace

std::span<const ProbeType> probe_types() {
    return table;
}

const ProbeType* find_probe_type(std::string_view name) {
    for (const ProbeType& type : table) {
        if (type.name == name) return &type;
    }
    return nullptr;
}

}  // namespace vedette::probes
