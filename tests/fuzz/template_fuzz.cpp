#include <cstddef>
#include <cstdint>

#include "base/template/functions.h"
#include "base/template/template.h"

/// Any text either does not parse, or expands within its limits.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace vedette;
    static const TemplateFunctions functions = prometheus_functions({});
    TemplateSet set(functions);
    if (!set.add("t", std::string_view(reinterpret_cast<const char*>(data), size))) return 0;
    TemplateMap labels;
    labels["job"] = TemplateValue("api");
    TemplateObject dot;
    dot.fields = {{"Labels", labels}, {"Value", 1.5}, {"List", TemplateList{"a", "b"}}};
    const auto text = set.expand("t", dot);
    if (text && text->size() > limits::template_output_bytes_max) __builtin_trap();
    return 0;
}
