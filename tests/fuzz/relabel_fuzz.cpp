// Any text as relabel configs, and what they make of two series: whatever is accepted must run.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/yaml.h"
#include "probes/scrape/relabel.h"

using namespace vedette;
using namespace vedette::scrape;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    Problems problems;
    const ConfigNode list = read_yaml("fuzz.yml", text, problems);
    const std::vector<RelabelRule> rules = read_relabel_rules(list, problems);
    if (problems.any()) return 0;
    for (const Labels& labels : {Labels{{"__address__", "a:1"}, {"job", "x"}, {"zone", "eu-1"}},
                                 Labels{{"__name__", "a_total"}, {"path", "/\xc3\xa9"}}}) {
        LabelsBuilder builder(labels);
        if (!relabel(rules, builder)) continue;
        const Labels once = builder.build();
        // The same rules and the same labels give the same again.
        LabelsBuilder second(labels);
        check(relabel(rules, second) && second.build() == once, "relabelling has no memory");
    }
    return 0;
}
