#include "app/commands/dump_database.h"

#include <fmt/format.h>

#include <vector>

#include "app/terminal.h"
#include "base/files.h"
#include "base/sqlite.h"
#include "core/time.h"

namespace vedette::app {

namespace {

/// Runs a query and prints a line for each row.
using EachRow = std::function<std::string(const Statement&)>;

class Dumper {
public:
    Dumper(Database& database, std::ostream& out) : database_(database), out_(out) {}

    Result<void> rows(std::string_view sql, const EachRow& line) {
        auto statement = database_.prepare(sql);
        if (!statement) return fail(statement.error());
        while (true) {
            const auto row = statement->step();
            if (!row) return fail(row.error());
            if (!*row) return {};
            out_ << "    " << line(*statement) << '\n';
        }
    }

    Result<bool> has(std::string_view table) {
        auto statement =
            database_.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?");
        if (!statement) return fail(statement.error());
        return statement->bind(1, table).step();
    }

    Result<void> tables() {
        std::vector<std::string> names;
        auto statement =
            database_.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name");
        if (!statement) return fail(statement.error());
        while (true) {
            const auto row = statement->step();
            if (!row) return fail(row.error());
            if (!*row) break;
            names.push_back(statement->text(0));
        }
        for (const std::string& name : names) {
            // A table that is damaged is named, and the others are counted all the same.
            std::string quoted = name;
            for (std::size_t at = 0; (at = quoted.find('"', at)) != quoted.npos; at += 2)
                quoted.insert(at, 1, '"');
            const auto counted_rows =
                rows(fmt::format("SELECT count(*) FROM \"{}\"", quoted), [&](const Statement& row) {
                    return fmt::format(
                        "{}: {}", name,
                        counted(static_cast<std::size_t>(row.integer(0)), "row", "rows"));
                });
            if (!counted_rows)
                out_ << fmt::format("    {}: unreadable: {}\n", name, counted_rows.error().message);
        }
        return {};
    }

    /// What is of interest in `alerts.db`; docs/formats/alerts-db.md has its tables.
    Result<void> ledger() {
        const auto at = [](const Statement& row, int column) {
            return format_rfc3339({row.integer(column)});
        };
        auto open = rows(
            "SELECT state, since_ms, labels FROM alerts WHERE state != 'resolved' ORDER BY "
            "since_ms",
            [&](const Statement& row) {
                return fmt::format("{} since {} {}", row.text(0), at(row, 1), row.text(2));
            });
        if (!open) return open;
        auto attempts = rows(
            "SELECT coalesce(outcome, CASE WHEN started_ms IS NULL THEN 'planned' ELSE 'started' "
            "END) AS became, count(*), max(planned_ms) FROM attempts GROUP BY became",
            [&](const Statement& row) {
                return fmt::format(
                    "{} {}, the last at {}",
                    counted(static_cast<std::size_t>(row.integer(1)), "message", "messages"),
                    row.text(0), at(row, 2));
            });
        if (!attempts) return attempts;
        return rows("SELECT matchers, starts_ms, ends_ms, created_by FROM silences",
                    [&](const Statement& row) {
                        return fmt::format("silence of {} from {} to {} by {}", row.text(0),
                                           at(row, 1), at(row, 2), row.text(3));
                    });
    }

private:
    Database& database_;
    std::ostream& out_;
};

}  // namespace

Result<void> dump_database(const std::string& path, std::ostream& out) {
    auto database = Database::open(path, {.read_only = true});
    if (!database) return fail(database.error());
    auto file = make_files()->open(path, Files::Open::Read);
    if (!file) return fail(file.error());
    const auto bytes = (*file)->size();
    if (!bytes) return fail(bytes.error());
    const auto fine = database->integrity_check();
    out << fmt::format("{}: SQLite database, {} bytes, {}\n", path, *bytes,
                       fine && *fine == "ok" ? "sound" : "damaged");
    if (!fine)
        out << fmt::format("    unreadable: {}\n", fine.error().message);
    else if (*fine != "ok")
        out << fmt::format("    damaged: {}\n", *fine);
    Dumper dumper(*database, out);
    if (auto tables = dumper.tables(); !tables) return tables;
    for (const char* table : {"alerts", "attempts", "silences"}) {
        const auto there = dumper.has(table);
        if (!there) return fail(there.error());
        if (!*there) return {};
    }
    return dumper.ledger();
}

}  // namespace vedette::app
