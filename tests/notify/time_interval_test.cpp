#include "notify/routing/time_interval.h"

#include <catch2/catch.hpp>

#include "base/yaml.h"

using namespace vedette;
using namespace vedette::notify;

namespace {

struct Read {
    TimeInterval interval;
    std::string problem;  ///< the first line, without its place
};

Read read(const std::string& text) {
    Problems problems;
    const ConfigNode root = read_yaml("t.yml", text, problems);
    Read out{read_time_interval(root, problems), {}};
    if (!problems.all().empty()) out.problem = problems.all().front().message;
    return out;
}

bool holds(const std::string& text, std::string_view at) {
    const Read got = read(text);
    CHECK(got.problem == "");
    return got.interval.holds(*parse_rfc3339(at));
}

}  // namespace

TEST_CASE("every field of a time interval must hold, one range of it is enough", "[notify][times]") {
    struct Row {
        const char *what, *interval, *at;
        bool expected;
    };
    // 2026-11-20 is a Friday.
    const auto row = GENERATE(values<Row>({
        {"nothing said is always", "{}", "2026-11-20T18:00:00Z", true},
        {"the first minute belongs", "{times: [{start_time: '09:00', end_time: '17:00'}]}",
         "2026-11-20T09:00:00Z", true},
        {"the last minute does not", "{times: [{start_time: '09:00', end_time: '17:00'}]}",
         "2026-11-20T17:00:00Z", false},
        {"the second before it does", "{times: [{start_time: '09:00', end_time: '17:00'}]}",
         "2026-11-20T16:59:59.999Z", true},
        {"a day ends at 24:00", "{times: [{start_time: '23:00', end_time: '24:00'}]}",
         "2026-11-20T23:59:59Z", true},
        {"the second range is enough",
         "{times: [{start_time: '01:00', end_time: '02:00'}, {start_time: 08:00, end_time: 09:00}]}",
         "2026-11-20T08:30:00Z", true},
        {"an empty list never holds", "{times: []}", "2026-11-20T08:30:00Z", false},
        {"weekdays by name", "{weekdays: ['monday:friday']}", "2026-11-20T08:30:00Z", true},
        {"a week begins on Sunday", "{weekdays: [Sunday:thursday, saturday]}",
         "2026-11-20T08:30:00Z", false},
        {"the last day of November", "{days_of_month: ['-1']}", "2026-11-30T08:30:00Z", true},
        {"the last day of a February of four years", "{days_of_month: ['-1']}",
         "2028-02-29T08:30:00Z", true},
        {"the last week", "{days_of_month: ['-7:-1']}", "2026-11-23T08:30:00Z", false},
        {"the last week begins", "{days_of_month: ['-7:-1']}", "2026-11-24T08:30:00Z", true},
        {"from the first to the last", "{days_of_month: ['1:-1']}", "2026-02-28T08:30:00Z", true},
        {"the 31st is not in February", "{days_of_month: ['31']}", "2026-02-28T08:30:00Z", false},
        {"beyond the month is cut", "{days_of_month: ['28:31']}", "2026-02-28T08:30:00Z", true},
        {"months by name and number", "{months: ['january:3', November]}", "2026-11-20T08:30:00Z",
         true},
        {"another month", "{months: ['5:10']}", "2026-11-20T08:30:00Z", false},
        {"years", "{years: ['2020:2026']}", "2026-11-20T08:30:00Z", true},
        {"past years", "{years: ['2020:2025']}", "2026-11-20T08:30:00Z", false},
        {"two fields, one does not hold", "{years: [2026], weekdays: [monday]}",
         "2026-11-20T08:30:00Z", false},
        {"clocks of the place",
         "{location: Australia/Sydney, times: [{start_time: '05:00', end_time: '05:31'}]}",
         "2026-11-20T18:30:00Z", true},
        {"the day of the place", "{location: Australia/Sydney, weekdays: [saturday]}",
         "2026-11-20T18:30:00Z", true},
        {"in summer", "{location: Europe/Paris, times: [{start_time: 10:00, end_time: 11:00}]}",
         "2026-07-01T08:30:00Z", true},
        {"in winter", "{location: Europe/Paris, times: [{start_time: 10:00, end_time: 11:00}]}",
         "2026-12-01T08:30:00Z", false},
    }));
    CAPTURE(row.what);
    CHECK(holds(row.interval, row.at) == row.expected);
}

TEST_CASE("what is wrong in a time interval is said as Alertmanager says it", "[notify][times]") {
    const std::pair<const char*, const char*> rows[] = {
        {"{times: [{start_time: '9:00', end_time: '10:00'}]}",
         "\"9:00\" is no time of a day; expected `09:30`, at most `24:00`"},
        {"{times: [{start_time: '09:00', end_time: '24:01'}]}",
         "\"24:01\" is no time of a day; expected `09:30`, at most `24:00`"},
        {"{times: [{start_time: '09:00', end_time: '09:00'}]}",
         "start time cannot be equal or greater than end time"},
        {"{times: [{start_time: '09:00'}]}", "both start and end times must be provided"},
        {"{weekdays: ['friday:monday']}", "start day cannot be after end day"},
        {"{weekdays: ['1:3']}", "\"1:3\" is no range of `weekdays`"},
        {"{weekdays: monday}", "`weekdays` must be a list"},
        {"{days_of_month: ['0']}", "0 is not a valid day of the month: out of range"},
        {"{days_of_month: ['1:32']}", "32 is not a valid day of the month: out of range"},
        {"{days_of_month: ['-1:5']}", "end day must be negative if start day is negative"},
        {"{days_of_month: ['28:-31']}", "end day -31 is always before start day 28"},
        {"{days_of_month: ['1:2:3']}", "\"1:2:3\" is no range of `days_of_month`"},
        {"{months: [jan]}", "\"jan\" is no range of `months`"},
        {"{months: ['5:2']}", "start month cannot be after end month"},
        {"{years: ['2030:2020']}", "start year cannot be after end year"},
        {"{location: Nowhere/Here}",
         "`location` \"Nowhere/Here\": unknown time zone Nowhere/Here"},
        {"{hours: []}", "unknown key `hours` in time interval"},
    };
    for (const auto& [text, problem] : rows) {
        CAPTURE(text);
        CHECK(read(text).problem == problem);
    }
}
