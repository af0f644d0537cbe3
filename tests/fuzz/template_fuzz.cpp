#include <cstddef>
#include <cstdint>

#include "base/template/functions.h"
#include "base/template/template.h"

namespace {

using namespace vedette;

/// What templates of rules and of messages see: labels, numbers, times, lists, something with methods.
TemplateValue dot() {
    TemplateMap labels;
    labels["job"] = TemplateValue("api");
    TemplateObject named;
    named.type = "template.Pairs";
    named.self = TemplateValue(TemplateList{"a", "b"}, "[]template.Pair");
    named.methods["String"] = {"", [](TemplateArguments) -> Result<TemplateValue> { return "a=b"; }};
    TemplateObject out;
    out.fields = {{"Labels", labels},
                  {"Value", 1.5},
                  {"List", TemplateList{"a", "b"}},
                  {"At", Timestamp{1'790'000'000'123}, "at"},
                  {"Named", std::move(named)}};
    return out;
}

TemplateFunctions rules_functions() {
    PrometheusFunctionSettings settings;
    settings.external_url = "http://x.example/p";
    settings.query = [](const std::string& expression) -> Result<TemplateValue> {
        if (expression.empty()) return fail(Fault::BadInput, "nothing is asked");
        return template_query_result({template_sample({{"k", "a"}}, 2.0)});
    };
    return prometheus_functions(settings);
}

void expand(const TemplateFunctions& functions, std::string_view text) {
    TemplateSet set(functions);
    if (!set.add("t", text)) return;
    const auto out = set.expand("t", dot());
    if (out && out->size() > limits::template_output_bytes_max) __builtin_trap();
}

}  // namespace

/// Any text either does not parse, or expands within its limits, in rules and in messages.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const TemplateFunctions of_rules = rules_functions();
    static const TemplateFunctions of_messages =
        alertmanager_functions([] { return Timestamp{1'790'000'060'000}; });
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    expand(of_rules, text);
    expand(of_messages, text);
    return 0;
}
